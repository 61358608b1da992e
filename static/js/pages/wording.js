/**
 * The 24 words of B: asked about before they are shown, copied, printed, kept as a file.
 * @module
 */
import { isEqual } from '../crypto/bytes.js';
import { buildKeyFile } from '../crypto/files.js';
import { purchaseSeed } from '../crypto/keys.js';
import { toWords } from '../crypto/words.js';
import * as remembered from '../io/buyer.js';
import { many, t } from '../texts/say.js';
import { copies } from '../ui/copy.js';
import * as dialogs from '../ui/dialog.js';
import { action, fromTemplate, make, one, slot } from '../ui/dom.js';
import { downloadText } from '../ui/download.js';

/** @import { Bought, Root } from '../io/buyer.js' */

/**
 * @param {Bought} bought
 * @param {Root} of
 */
function isOf({ n, seed }, { root }) {
  return n >= 0 && isEqual(purchaseSeed(root, n), seed);
}

/**
 * @param {Bought} bought
 * @returns {Promise<boolean>} whether the words of this browser bring it back
 */
export async function isCovered(bought) {
  const { current, former } = await remembered.roots();
  return [...(current ? [current] : []), ...former].some((each) => isOf(bought, each));
}

export function showWords() {
  const warning = dialogs.open('words-warning');
  action(warning, 'show').addEventListener('click', () => {
    warning.close();
    void show();
  });
}

async function show() {
  const [{ current, former }, bought] = await Promise.all([
    remembered.roots(),
    remembered.everyPurchase(),
  ]);
  if (!current) return;
  const dialog = dialogs.open('words-shown');
  const all = [current, ...former];
  for (const [at, each] of all.entries()) {
    slot(dialog, 'sets').append(setOf(each, bought, { isCurrent: at === 0, count: all.length }));
  }
  const outside = bought.filter((each) => !all.some((root) => isOf(each, root))).length;
  const note = slot(dialog, 'uncovered');
  note.hidden = outside === 0;
  note.textContent = many(
    outside,
    'One purchase came by its return link: these words do not bring it back. Keep its link.',
    '{count} purchases came by their return links: these words do not bring them back. Keep their links.',
  );
  action(dialog, 'print').addEventListener('click', () => print());
  action(dialog, 'kept').addEventListener('click', async () => {
    await remembered.markKept();
    dialog.close();
  });
}

/**
 * @param {Root} row
 * @param {Bought[]} bought
 * @param {{isCurrent: boolean, count: number}} place  among all sets of words
 */
function setOf(row, bought, { isCurrent, count }) {
  const set = one(fromTemplate('words-set'), 'div');
  const words = toWords(row.root);
  slot(set, 'list').append(...words.split(' ').map((word) => make('li', { text: word })));
  const held = bought.filter((each) => isOf(each, row)).length;
  const more = isCurrent
    ? many(
        held,
        'They bring back 1 purchase and all that you buy here from now on.',
        'They bring back {count} purchases and all that you buy here from now on.',
      )
    : many(
        held,
        'They bring back 1 purchase from before you brought other words here. Keep these as well.',
        'They bring back {count} purchases from before you brought other words here. Keep these as well.',
      );
  slot(set, 'about').textContent = count > 1 || held > 0 ? more : '';
  copies(action(set, 'copy'), () => words, t('Words copied'));
  return set;
}

/** The key file of a buyer (docs/protocol.md, 5); one for each set of words. */
export async function saveKeyFile() {
  const { current, former } = await remembered.roots();
  for (const [at, each] of [...(current ? [current] : []), ...former].entries()) {
    const text = buildKeyFile({ role: 'buyer', root: each.root, payouts: [] });
    downloadText(`kim-bought-key${at ? `-${at + 1}` : ''}.json`, text);
  }
  await remembered.markKept();
}
