/**
 * What every page of a signed-in creator has: the way out.
 * @module
 */
import { logOut } from '../net/creator.js';
import { t } from '../texts/say.js';
import { toast } from '../ui/toast.js';

for (const button of document.querySelectorAll('[data-logout]')) {
  button.addEventListener('click', async () => {
    try {
      await logOut();
      location.assign('/');
    } catch {
      toast(t('Not logged out: the server cannot be reached. Try again.'));
    }
  });
}
