/**
 * All files of a creator: what each one earns, its link again, pause and sell again.
 * @module
 */
import * as store from '../io/store.js';
import * as creator from '../net/creator.js';
import { copy } from '../ui/copy.js';
import * as dialogs from '../ui/dialog.js';
import { action, byId, fromTemplate, meta, one, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import { showLink } from '../ui/link.js';
import { priceWords } from '../ui/priced.js';
import * as problem from '../ui/problem.js';
import { buyYourself, canProve, proofWords } from './buyself.js';
import { showCodes } from './codes.js';
import { edit } from './editing.js';
import { showInside } from './inside.js';
import { ask, isRootOf, linkOf, remind } from './keys.js';
import { showPlaces } from './lying.js';
import { Unfinished } from './resuming.js';

/** @import { Bytes } from '../crypto/bytes.js' */
/** @import { FileView } from '../net/creator.js' */

const STATES = {
  draft: { text: 'Draft', tone: '' },
  published: { text: 'On sale', tone: 'go' },
  paused: { text: 'Paused', tone: 'amber' },
  removed: { text: 'Removed', tone: 'red' },
};

const username = meta('username');
const list = byId('files');
const look = remind(username);

/** @type {FileView[]} */
let known = [];

/**
 * @param {FileView} file
 * @returns {Promise<Bytes | null>} R of this file; null if the person would not give it
 */
async function rootFor(file) {
  const row = await store.root(username);
  if (row && isRootOf(row.root, file)) return row.root;
  // Another key lies here, or none: only the right one makes the right link.
  const root = await ask(
    username,
    known.filter((other) => other.h_s),
  );
  await look();
  if (root) void load(); // every other link can be shown now, too
  return root && isRootOf(root, file) ? root : null;
}

/** @param {FileView} file */
function factsOf(file) {
  const facts = [
    priceWords(file.price, { ...file.selling, free_left: 0 }),
    format.bytes(file.payload_bytes),
  ];
  if (file.state !== 'draft') {
    facts.push(`${file.sales} sold`);
    if (file.income_sat > 0) facts.push(`${format.coins(file.income_sat)} earned`);
    if (canProve(file)) facts.push('address not proven yet');
  }
  facts.push(new Date(file.created_at).toLocaleDateString());
  return facts.join(' · ');
}

/**
 * Wherever R is, every link stands in its row; elsewhere "Copy link" asks for the key.
 * @param {HTMLElement} row
 * @param {FileView} file
 * @param {Bytes | undefined} root
 */
function showShare(row, file, root) {
  if (!root || !isRootOf(root, file)) return;
  const field = /** @type {HTMLInputElement} */ (slot(row, 'share'));
  field.value = linkOf(root, file);
  field.addEventListener('focus', () => field.select());
  field.hidden = false;
}

/**
 * @param {HTMLElement} row
 * @param {FileView} file
 */
function showCover(row, { id, cover }) {
  if (!cover) return;
  const image = /** @type {HTMLImageElement} */ (slot(row, 'cover'));
  image.src = `/f/${id}/cover?v=${cover.sha256}`;
  image.hidden = false;
}

/**
 * @param {FileView} file
 * @param {{drafts: Set<string | null>, root: Bytes | undefined}} here  what this browser has: the
 *   paid files whose uploads wait in it, and R
 */
function rowOf(file, { drafts, root }) {
  const row = one(fromTemplate('file-row'), 'li');
  const { text, tone } = STATES[file.state];
  slot(row, 'title').textContent = file.title;
  const state = slot(row, 'state');
  state.textContent = text;
  state.className = `badge ${tone}`;
  slot(row, 'facts').textContent = factsOf(file);
  showCover(row, file);
  const place = slot(row, 'problem');
  const hasLink = file.state === 'published' || file.state === 'paused';
  if (hasLink) showShare(row, file, root);

  /** @param {string} name @param {boolean} isOffered @param {() => Promise<unknown>} act */
  const offer = (name, isOffered, act) => {
    const button = action(row, name);
    button.hidden = !isOffered;
    button.addEventListener('click', async () => {
      problem.hide(place);
      button.disabled = true;
      await act().catch((error) => problem.show(place, error));
      button.disabled = false;
    });
  };
  offer('copy', hasLink, async () => {
    const found = await rootFor(file);
    if (found) await copy(linkOf(found, file), 'Link copied');
  });
  offer('link', hasLink, async () => {
    const found = await rootFor(file);
    if (found) showLink(one(dialogs.open('link-shown'), '.link'), linkOf(found, file), file.title);
  });
  offer('edit', hasLink, async () => {
    if (await edit(file)) await load();
  });
  offer('places', hasLink, () => showPlaces(file));
  offer('inside', hasLink, async () => {
    const found = await rootFor(file);
    if (found && (await showInside(file, found))) await load();
  });
  offer('codes', hasLink && file.pricing.kind !== 'free', async () => {
    const found = await rootFor(file);
    if (found) await showCodes(file, linkOf(found, file));
  });
  action(row, 'prove').textContent = proofWords(file);
  offer('prove', canProve(file), async () => {
    const found = await rootFor(file);
    if (found) await buyYourself(file, found);
  });
  offer('pause', file.state === 'published', () => change(file, 'paused'));
  offer('resume', file.state === 'paused', () => change(file, 'published'));
  offer('remove', file.state === 'paused', () => askToRemove(file));
  const isHere = file.state === 'draft' && drafts.has(file.id);
  offer('continue', isHere, async () => location.assign('/sell/'));
  offer('delete', file.state === 'draft' && !isHere, async () => {
    await creator.removeDraft(file.id);
    await load();
  });
  return row;
}

/** @param {FileView} file */
async function askToRemove(file) {
  const dialog = dialogs.open('remove-ask');
  slot(dialog, 'title').textContent = file.title;
  await new Promise((resolve) => {
    dialog.addEventListener('close', resolve);
    action(dialog, 'remove').addEventListener('click', () => dialog.close('remove'));
  });
  if (dialog.returnValue === 'remove') await change(file, 'removed');
}

/**
 * @param {FileView} file
 * @param {'paused' | 'published' | 'removed'} state
 */
async function change(file, state) {
  await creator.changeFile(file.id, { state });
  await load();
}

async function load() {
  const said = byId('said');
  try {
    const [{ files }, drafts, row] = await Promise.all([
      creator.files(),
      store.drafts(username),
      store.root(username),
    ]);
    const here = { drafts: new Set(drafts.map((draft) => draft.paidFileId)), root: row?.root };
    known = files.filter((file) => file.state !== 'removed' || file.sales > 0);
    list.replaceChildren(...known.map((file) => rowOf(file, here)));
    byId('empty').hidden = known.length > 0;
    said.hidden = true;
  } catch (error) {
    said.hidden = true;
    problem.show(byId('problem'), error, { retry: () => void load() });
  }
}

await Promise.all([load(), look(), new Unfinished(username, null).show()]);
