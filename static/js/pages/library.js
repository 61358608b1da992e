/**
 * The purchases of this browser: how they stand, and what one can take along of them. The list is
 * this browser's; the server is asked by claims, twenty at a time.
 * @module
 */
import { toBase64url } from '../crypto/bytes.js';
import { claimSecret } from '../crypto/keys.js';
import { returnFragment, returnLink } from '../crypto/links.js';
import { sealNote } from '../crypto/notes.js';
import * as remembered from '../io/buyer.js';
import { ApiError } from '../net/api.js';
import * as buyer from '../net/buyer.js';
import { heldBy, MOST } from '../net/library.js';
import { many, t } from '../texts/say.js';
import { emptyRow, fill, isReady } from '../ui/bought.js';
import { copies, copy } from '../ui/copy.js';
import * as dialogs from '../ui/dialog.js';
import { action, byId, fromTemplate, one, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import * as problem from '../ui/problem.js';
import { toast } from '../ui/toast.js';
import { carry } from './carrying.js';
import { isCovered, saveKeyFile, showWords } from './wording.js';

/** @import { Bought } from '../io/buyer.js' */
/** @import { Held } from '../net/library.js' */

const AT_ONCE = 2;
const SILENT_MS = 5_000;
const FINDER_FROM = 8;

const root = byId('library');
const shelf = byId('shelf');
const text = byId('text', HTMLInputElement);

/** @type {Map<string, {bought: Bought, row: HTMLElement}>} */
const rows = new Map();
let looking = new AbortController();
/** One after the other: there may be hundreds. */
let leaving = Promise.resolve();

async function load() {
  looking.abort();
  looking = new AbortController();
  const [bought, licences, { current }] = await Promise.all([
    remembered.everyPurchase(),
    remembered.licences(),
    remembered.roots(),
  ]);
  rows.clear();
  for (const each of bought) rows.set(each.purchaseId, { bought: each, row: rowOf(each) });
  const others = licences.filter(({ purchaseId }) => !rows.has(purchaseId)).map(licenceRow);
  shelf.replaceChildren(...Array.from(rows.values(), ({ row }) => row), ...others);
  const count = rows.size + others.length;
  byId('empty').hidden = count > 0;
  byId('finder').hidden = count < FINDER_FROM;
  for (const name of ['words', 'key-file']) action(root, name).hidden = !current;
  byId('forgetful').hidden = await remembered.isKept();
  find();
  await lookUp(bought, looking.signal);
}

/**
 * How all of them stand, newest first.
 * @param {Bought[]} bought
 * @param {AbortSignal} signal
 */
async function lookUp(bought, signal) {
  const said = byId('said');
  said.hidden = bought.length === 0;
  said.textContent = t('Asking how they stand…');
  const offline = byId('offline');
  offline.hidden = true;
  // The calls go on trying by themselves; who waits is told what they look at meanwhile.
  const silent = setTimeout(() => (offline.hidden = false), navigator.onLine ? SILENT_MS : 0);
  const parts = Array.from({ length: Math.ceil(bought.length / MOST) }, (_, at) =>
    bought.slice(at * MOST, (at + 1) * MOST),
  );
  try {
    // Few calls at a time: a long list must not crowd out the page that one opens meanwhile.
    const workers = Array.from({ length: AT_ONCE }, async () => {
      for (let part = parts.shift(); part; part = parts.shift()) await lookAt(part, signal);
    });
    await Promise.all(workers);
    offline.hidden = true;
    said.className = 'out';
    said.textContent = many(bought.length, '1 purchase', '{count} purchases');
  } catch (error) {
    if (signal.aborted) return;
    parts.length = 0;
    said.hidden = true;
    if (error instanceof ApiError && error.isPassing) offline.hidden = false;
    else problem.show(byId('problem'), error, { retry: () => void load() });
  } finally {
    clearTimeout(silent);
  }
}

/**
 * @param {Bought[]} part
 * @param {AbortSignal} signal
 */
async function lookAt(part, signal) {
  const claims = part.map(({ seed }) => toBase64url(claimSecret(seed)));
  const found = await heldBy(claims, signal);
  await remembered.keepSeen(found);
  for (const [at, bought] of part.entries()) {
    const held = found.find((each) => each.at === at && each.id === bought.purchaseId);
    const known = rows.get(bought.purchaseId);
    if (!known) continue;
    known.bought = held ? { ...bought, seen: held } : bought;
    show(known.row, known.bought, { isLost: !held });
    if (held && !held.note) leaving = leaving.then(() => leaveNote(known.bought));
  }
}

/**
 * Bought before notes were, or brought back after a loss: B alone is to open it as well.
 * @param {Bought} bought
 */
async function leaveNote({ purchaseId, paidFileId, link, seed }) {
  const note = toBase64url(await sealNote(seed, paidFileId, link));
  const claim = toBase64url(claimSecret(seed));
  await buyer.keepNote(purchaseId, claim, note).catch(() => undefined);
}

/** @param {Bought} bought */
function rowOf(bought) {
  const row = emptyRow();
  const { purchaseId, link, seed } = bought;
  const whole = returnLink(location.origin, purchaseId, link, seed);
  copies(action(row, 'copy'), () => whole, t('Return link copied'));
  copies(
    action(row, 'copy-pay'),
    () => location.origin + (rows.get(purchaseId)?.bought.seen?.pay_page ?? ''),
    t('Link for a friend copied'),
  );
  action(row, 'forget').addEventListener('click', () => void forget(purchaseId, whole));
  action(row, 'licence').addEventListener('click', () => void licence(row, bought));
  show(row, bought, { isLost: false });
  return row;
}

/**
 * @param {HTMLElement} row
 * @param {Bought} bought
 * @param {{isLost: boolean}} how
 */
function show(row, { purchaseId, link, seed, boughtAt, seen }, { isLost }) {
  const fragment = returnFragment(link, seed);
  const hasReceipt = Boolean(seen && (seen.settled_at || seen.grant));
  const receipt = hasReceipt ? `/p/${purchaseId}/receipt${fragment}` : '';
  fill(row, { href: `/p/${purchaseId}${fragment}`, receipt, boughtAt, held: seen, isLost });
  action(row, 'licence').hidden = !seen || !isReady(seen);
  action(row, 'copy-pay').hidden = !seen?.is_payable;
  row.dataset['text'] = `${seen?.file.title ?? ''} ${seen?.file.creator ?? ''}`.toLowerCase();
}

/**
 * @param {HTMLElement} row
 * @param {Bought} bought
 */
async function licence(row, { purchaseId, link, seed }) {
  const button = action(row, 'licence');
  const place = slot(row, 'problem');
  if (button.disabled) return;
  button.disabled = true;
  problem.hide(place);
  try {
    const { fetchLicence } = await import('./licensing.js');
    const claim = toBase64url(claimSecret(seed));
    await fetchLicence({ purchaseId, link, seed, claim });
    toast(t('Licence saved'));
  } catch (error) {
    problem.show(place, error);
  } finally {
    button.disabled = false;
  }
}

/**
 * @param {string} purchaseId
 * @param {string} whole  its return link
 */
async function forget(purchaseId, whole) {
  const known = rows.get(purchaseId);
  if (!known) return;
  const { bought } = known;
  const covered = (await isCovered(bought)) && Boolean(bought.seen);
  const dialog = dialogs.open('forget-dialog');
  slot(dialog, 'title').textContent = bought.seen?.file.title ?? t('this purchase');
  slot(dialog, 'loses').textContent = covered
    ? t('It goes from this list. Your 24 words or its return link bring it back.')
    : t(
        'It goes from this list, and your 24 words do not know it: without its return link or its licence you cannot open it again.',
      );
  copies(action(dialog, 'copy'), () => whole, t('Return link copied'));
  action(dialog, 'forget').addEventListener('click', async () => {
    await remembered.forget(purchaseId);
    dialog.close();
    toast(t('Forgotten'));
    await load();
  });
}

/** @param {import('../io/buyer.js').LicenceRow} licence */
function licenceRow({ purchaseId, name, addedAt, text: whole }) {
  const row = one(fromTemplate('bought'), 'li');
  const title = /** @type {HTMLAnchorElement} */ (slot(row, 'title'));
  title.textContent = name;
  title.href = `/open/?licence=${encodeURIComponent(purchaseId)}`;
  slot(row, 'facts').textContent = t('Brought here {date}', { date: format.date(addedAt) });
  slot(row, 'badge').textContent = t('Licence');
  slot(row, 'badge').className = 'badge go';
  slot(row, 'says').textContent = t('It opens the sealed file, wherever you have it.');
  slot(row, 'says').hidden = false;
  slot(row, 'picture').textContent = name.charAt(0).toUpperCase();
  action(row, 'copy').textContent = t('Copy the licence');
  action(row, 'copy').addEventListener('click', () => void copy(whole, t('Licence copied')));
  action(row, 'forget').addEventListener('click', async () => {
    const dialog = dialogs.open('forget-dialog');
    slot(dialog, 'title').textContent = name;
    slot(dialog, 'loses').textContent = t(
      'The licence goes from this browser. Without a copy of it, or the return link, the sealed file cannot be opened.',
    );
    action(dialog, 'copy').hidden = true;
    action(dialog, 'forget').addEventListener('click', async () => {
      await remembered.forgetLicence(purchaseId);
      dialog.close();
      await load();
    });
  });
  row.dataset['text'] = name.toLowerCase();
  return row;
}

function find() {
  const wanted = text.value.trim().toLowerCase();
  let count = 0;
  for (const row of shelf.children) {
    const isShown =
      !wanted || (row instanceof HTMLElement && row.dataset['text']?.includes(wanted));
    row.toggleAttribute('hidden', !isShown);
    if (isShown) count += 1;
  }
  byId('none').hidden = count > 0 || shelf.childElementCount === 0;
}

text.addEventListener('input', find);
action(root, 'carry').addEventListener('click', () => carry(() => void load()));
action(root, 'words').addEventListener('click', () => showWords());
action(root, 'key-file').addEventListener('click', () => void saveKeyFile());
action(byId('offline'), 'retry').addEventListener('click', () => void load());
addEventListener('pageshow', (event) => {
  if (event.persisted) void load();
});
load().catch((error) => problem.show(byId('problem'), error, { retry: () => void load() }));
