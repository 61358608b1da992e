// Made by `make texts` from locale/de/LC_MESSAGES/djangojs.po.
import { learn } from '../say.js';

learn({
  "1 byte": [
    "",
    ""
  ],
  "1 file": [
    "1 Datei",
    "{count} Dateien"
  ],
  "Buy": "Jetzt kaufen",
  "Buy again": "",
  "Buyers name the price then.": "",
  "Checking the link and the file…": "",
  "Close": "",
  "Copied": "Kopiert",
  "Copy": "",
  "Fetching and opening them here…": "",
  "Free": "",
  "Go to your order": "",
  "It was on sale until {time}.": "",
  "Link copied": "Link kopiert",
  "Listen to a piece of it": "",
  "Name your price": "",
  "None: files of less than 50 MB have none.": "",
  "None: it was published before there were spot checks.": "",
  "Not for sale at the moment. The creator has paused it.": "",
  "Not logged out: the server cannot be reached. Try again.": "",
  "On sale from {time}.": "",
  "On sale until {time}.": "",
  "One more copy is free.": [
    "",
    ""
  ],
  "Open this link in your own browser, outside of any app, or in Chrome or Edge on a computer. You may also buy here and open the file there with your return link.": "",
  "Ordering…": "",
  "Read a piece of it": "",
  "See a piece of it": "",
  "Sold out at the moment. A copy that is reserved for somebody may come free at {time}.": "",
  "Sold out.": "",
  "The browser does not allow copying: mark the text and copy it yourself.": "",
  "The creator asks buyers to watch this in the page, not to save it. The key to it is yours all the same.": "",
  "The last copy.": [
    "",
    ""
  ],
  "The spot check failed: {message} {hint}": "",
  "This browser can save files of up to {most} here; this one has {size}.": "",
  "This browser can save up to {most} at once here: the files of this one alone, but not all {size} as one zip.": "",
  "This browser cannot play this kind of film ({type}). It can be saved and played in another program.": "",
  "This browser cannot play this kind of sound ({type}). It can be saved and played in another program.": "",
  "This link": "",
  "This link is complete and belongs to this file": "",
  "Try again": "",
  "Watch a piece of it": "",
  "You may also take it for nothing.": "",
  "You ordered this file in this browser on {time}.": "",
  "ZIP archive": "",
  "about {amount} · fixed when you press Buy": "",
  "audio": "",
  "picture": "",
  "text": "",
  "video": "",
  "{count} of {total} pieces, drawn by the server, were opened again, here in your browser.": "",
  "{count} of {total} pieces, drawn by the server, were opened.": "",
  "{done} of {all} {unit}": "",
  "{price} or more": "",
  "{price} then.": ""
});
