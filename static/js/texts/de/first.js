// Made by `make texts` from locale/de/LC_MESSAGES/djangojs.po.
import { learn } from '../say.js';

learn({
  "1 byte": [
    "",
    ""
  ],
  "Buyers name the price then.": "",
  "Copy": "",
  "Free": "",
  "It was on sale until {time}.": "",
  "Link copied": "",
  "Name your price": "",
  "On sale from {time}.": "",
  "On sale until {time}.": "",
  "One more copy is free.": [
    "",
    ""
  ],
  "Sold out at the moment. A copy that is reserved for somebody may come free at {time}.": "",
  "Sold out.": "",
  "The browser does not allow copying: mark the text and copy it yourself.": "",
  "The last copy.": [
    "",
    ""
  ],
  "This browser cannot play this kind of film ({type}). It can be saved and played in another program.": "",
  "This browser cannot play this kind of sound ({type}). It can be saved and played in another program.": "",
  "This link": "",
  "Try again": "",
  "You may also take it for nothing.": "",
  "{done} of {all} {unit}": "",
  "{price} or more": "",
  "{price} then.": ""
});
