// Made by `make texts` from locale/de/LC_MESSAGES/djangojs.po.
import { learn } from '../say.js';

learn({
  "A name, to know it again.": [],
  "End {name}": [],
  "Last used {used}. It ends {end}.": [],
  "Not used yet. It ends {end}.": [],
  "The token has ended": [],
  "Token copied": [],
  "Your password.": []
});
