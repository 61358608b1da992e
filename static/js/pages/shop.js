/**
 * A creator's shop: the part of the link behind the # proves itself for the list, and opens the link
 * of each file in it, here.
 * @module
 */
import { fromBase64url } from '../crypto/bytes.js';
import { KimError } from '../crypto/errors.js';
import { shareLink } from '../crypto/links.js';
import { openEntry, parseShopFragment, shopProof } from '../crypto/shop.js';
import { ApiError } from '../net/api.js';
import { enterShop } from '../net/storefront.js';
import { mark, t } from '../texts/say.js';
import { byId, fromTemplate, one, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import { closedWords, priceWords } from '../ui/priced.js';
import * as problem from '../ui/problem.js';
import { arrive } from './arrive.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Tile } from '../net/storefront.js'
 */

const HINT = mark('Ask for the whole link, with everything behind the # sign.');

const root = byId('shop');
const said = byId('said');
const place = byId('problem');

arrive();
void start();

async function start() {
  problem.hide(place);
  byId('tiles').hidden = true;
  say(t('Opening the shop…'));
  try {
    const key = parseShopFragment(location.hash);
    const { generation, files } = await enterShop(root.dataset['username'] ?? '', shopProof(key));
    const rows = await Promise.all(files.map((tile) => rowOf(tile, key, generation)));
    const shown = rows.filter((row) => row !== null);
    byId('tiles').replaceChildren(...shown);
    byId('tiles').hidden = shown.length === 0;
    say(shown.length === 0 ? t('Nothing is listed here at the moment.') : '');
  } catch (error) {
    say('');
    problem.show(place, plainly(error), isPassing(error) ? { retry: () => void start() } : {});
  }
}

/**
 * @param {Tile} tile
 * @param {Bytes} key  K
 * @param {number} generation  of the shop
 * @returns {Promise<HTMLElement | null>} null where the entry does not open
 */
async function rowOf(tile, key, generation) {
  const at = { paidFileId: tile.id, generation };
  const link = await openEntry(key, at, fromBase64url(tile.entry));
  if (!link) return null;
  const row = one(fromTemplate('tile'), 'li');
  const goes = /** @type {HTMLAnchorElement} */ (slot(row, 'link'));
  goes.href = shareLink(location.origin, tile.id, link);
  slot(row, 'title').textContent = tile.title;
  slot(row, 'price').textContent = priceWords(tile.price, tile.selling);
  slot(row, 'size').textContent = format.bytes(tile.payload_bytes);
  slot(row, 'adult').hidden = !tile.is_adult;
  const closed = closedWords(tile.selling, Date.now());
  slot(row, 'closed').textContent = tile.selling.is_sold_out ? t('Sold out') : closed;
  slot(row, 'closed').hidden = !closed;
  slot(row, 'initial').textContent = tile.cover ? '' : initialOf(tile.title);
  if (tile.cover) {
    const picture = /** @type {HTMLImageElement} */ (slot(row, 'cover'));
    picture.src = `/f/${tile.id}/cover?v=${tile.cover.sha256}`;
    picture.hidden = false;
  }
  return row;
}

/**
 * In place of a cover that nobody made; whole, also where it is an emoji.
 * @param {string} title
 */
function initialOf(title) {
  return ([...title.trim()][0] ?? '?').toUpperCase();
}

/** @param {unknown} error */
function isPassing(error) {
  return error instanceof ApiError && error.isPassing;
}

/**
 * A cut link, a wrong one and one that was replaced look alike from here.
 * @param {unknown} error
 */
function plainly(error) {
  const isWrong = error instanceof ApiError && error.code === 'shop_not_found';
  if (!isWrong && !(error instanceof KimError)) return error;
  const words = t('This link is incomplete or was replaced, so the shop stays closed.');
  return Object.assign(new Error(words), { hint: t(HINT) });
}

/** @param {string} words */
function say(words) {
  said.textContent = words;
  said.hidden = !words;
}
