/**
 * What every page of a signed-in creator has: the way out.
 * @module
 */
import { logOut } from '../net/creator.js';
import { byId } from '../ui/dom.js';
import { toast } from '../ui/toast.js';

byId('logout').addEventListener('click', async () => {
  try {
    await logOut();
    location.assign('/');
  } catch {
    toast('Not logged out: the server cannot be reached. Try again.');
  }
});
