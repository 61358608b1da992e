// Made by `make texts` from locale/de/LC_MESSAGES/djangojs.po.
import { learn } from '../say.js';

learn({
  "A name, to know it again.": "Ein Name, an dem man es wiedererkennt.",
  "End {name}": "{name} beenden",
  "Last used {used}. It ends {end}.": "Zuletzt benutzt {used}. Es endet {end}.",
  "Not used yet. It ends {end}.": "Noch nicht benutzt. Es endet {end}.",
  "The token has ended": "Das Token gilt nicht mehr",
  "Token copied": "Token kopiert",
  "Your password.": "Dein Passwort."
});
