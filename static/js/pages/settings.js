/**
 * Payout, key and password of a creator.
 * @module
 */
import * as store from '../io/store.js';
import * as creator from '../net/creator.js';
import { byId, meta } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import * as problem from '../ui/problem.js';
import { toast } from '../ui/toast.js';
import { t } from '../texts/say.js';
import { ask, downloadKeyFile, remind, showWords } from './keys.js';
import { showLeaving } from './leaving.js';
import * as manualRate from './manual_rate.js';
import { siteName, wrongWith } from './newpassword.js';
import { showNotices } from './notices.js';
import { PayoutField } from './payout.js';
import { saveProfile, showProfile } from './profile.js';
import { showStanding, startStanding } from './standing.js';
import { SecondStepField } from './secondstep.js';
import { showSessions } from './sessions.js';
import { showTerms } from './terms.js';
import { showTokens } from './tokens.js';
import { changePassword } from './vault.js';
import { VaultField } from './vaultfield.js';
import { showWebhooks } from './webhooks.js';

const username = meta('username');
const look = remind(username, () => void showKeyState());
const payout = new PayoutField(username, () => undefined);

/**
 * One form, one button, one place for what went wrong.
 * @param {string} name
 * @param {() => Promise<void>} act
 */
function onSubmit(name, act) {
  const form = byId(`${name}-form`, HTMLFormElement);
  const button = /** @type {HTMLButtonElement} */ (form.querySelector('button[type=submit]'));
  const place = byId(`${name}-problem`);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    problem.hide(place);
    button.disabled = true;
    await act().catch((error) => problem.show(place, error));
    button.disabled = false;
  });
}

onSubmit('payout', async () => {
  if (!(await payout.keep())) return;
  if (payout.isWaiting) return toast(t('The change waits'));
  // The key file was made before this payout and lacks its recovery kit: a fresh copy is due.
  await store.markRoot(username, { isSaved: false, isDownloaded: false });
  await look();
  showStanding(await creator.payout());
  toast(t('Payout saved'));
});

onSubmit('password', async () => {
  const before = byId('password-old', HTMLInputElement);
  const after = byId('password-new', HTMLInputElement);
  setWrong(before, '');
  setWrong(after, '');
  if (!before.value) return void refuse(before, t('Your password as it is now.'));
  const wrong = await wrongWith(after.value, [username, siteName()]);
  if (wrong) return void refuse(after, wrong);
  await changePassword(username, before.value, after.value);
  before.value = after.value = '';
  toast(t('Password changed'));
});

async function showKeyState() {
  const row = await store.root(username);
  const line = byId('key-state');
  line.hidden = false;
  line.classList.toggle('amber', !row?.isSaved);
  if (!row) line.textContent = t('There is no key in this browser.');
  else if (row.isSaved) line.textContent = t('The key is in this browser, and you have a copy.');
  else line.textContent = t('You have kept no copy of the key yet, as far as you have told.');
  for (const id of ['key-download', 'key-show']) byId(id, HTMLButtonElement).disabled = !row;
}

/**
 * @param {string} id
 * @param {() => Promise<unknown>} act
 */
function onPress(id, act) {
  byId(id).addEventListener('click', async () => {
    problem.hide(byId('key-problem'));
    await act().catch((error) => problem.show(byId('key-problem'), error));
    await look();
  });
}

onPress('key-download', () => downloadKeyFile(username));
onPress('key-show', () => showWords(username, look));
onPress('key-import', async () => {
  const { files } = await creator.files();
  const mine = files.filter((file) => file.h_s);
  if (await ask(username, mine)) toast(t('The key is here now'));
  await vault.look();
});

const vault = new VaultField(username, look);
onSubmit('vault', () => vault.submit());

const secondStep = new SecondStepField(username);
onSubmit('step', () => secondStep.submit());

onSubmit('profile', saveProfile);

// Before anything is waited for: a press on their buttons must not be lost.
void showProfile().catch((error) => problem.show(byId('profile-problem'), error));
showLeaving(username);
void showTerms().catch((error) => problem.show(byId('terms-problem'), error));
void showNotices().catch((error) => problem.show(byId('wish-problem'), error));
void showWebhooks().catch((error) => problem.show(byId('hook-problem'), error));
void secondStep.look().catch((error) => problem.show(byId('step-problem'), error));
void showTokens(username).catch((error) => problem.show(byId('token-list-problem'), error));
void showSessions().catch((error) => problem.show(byId('session-problem'), error));
await look();
void vault.look().catch((error) => problem.show(byId('vault-problem'), error));
startStanding((act) =>
  act().then(undefined, (error) => problem.show(byId('payout-problem'), error)),
);
await payout
  .load()
  .then(async () => showStanding(await creator.payout()))
  .catch((error) => problem.show(byId('payout-problem'), error));
await manualRate.load().catch((error) => problem.show(byId('rate-problem'), error));
