// Made by `make texts` from locale/de/LC_MESSAGES/djangojs.po.
import { learn } from '../say.js';

learn({});
