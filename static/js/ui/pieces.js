/**
 * Which segments a sample may be made of, in words that a creator can choose from.
 * @module
 */
import { many, t } from '../texts/say.js';
import * as format from './format.js';

/**
 * @typedef {object} Facts
 * @property {'video' | 'audio' | 'image' | 'text'} kind
 * @property {number} segmentCount
 * @property {number} plainSize  bytes of the file in a segment
 * @property {number} seconds    0 where unknown
 * @property {{from: number, to: number} | null} index  bytes that a player needs besides
 *
 * @typedef {object} Piece
 * @property {string} words
 * @property {number[]} segments  ascending
 * @property {boolean} isLarge    more than a tenth of the file: asked for twice
 * @property {number} percent
 */

export const MOST_SEGMENTS = 400;
const SECONDS = [10, 30, 60, 180];
const SHARES = [0.01, 0.05, 0.1, 0.25];

/**
 * @param {Facts} facts
 * @returns {Piece[]} from small to large; none where even the smallest is the whole file
 */
export function piecesOf(facts) {
  const { segmentCount: all, seconds } = facts;
  /** @type {Map<number, string>} */
  const starts = new Map();
  if (seconds > 0) {
    for (const wanted of SECONDS.filter((each) => each < seconds)) {
      starts.set(Math.ceil((wanted / seconds) * all), timeWords(wanted));
    }
  }
  if (starts.size === 0) {
    for (const share of SHARES) {
      const count = Math.max(1, Math.floor(share * all));
      starts.set(count, t('The first {size}', { size: format.bytes(count * facts.plainSize) }));
    }
  }
  const found = [];
  for (const [count, words] of starts) {
    const segments = segmentsOf(count, facts);
    const percent = (100 * segments.length) / all;
    if (segments.length >= all || segments.length > MOST_SEGMENTS) continue;
    const percentage = Math.round(percent);
    found.push({
      words:
        percent < 1
          ? t('{piece}, less than 1 % of the file', { piece: words })
          : t('{piece}, {percentage} % of the file', { piece: words, percentage }),
      segments,
      isLarge: percent > 10,
      percent,
    });
  }
  return found;
}

/**
 * The first ones, and those at the end that a player asks for before it starts.
 * @param {number} count
 * @param {Facts} facts
 */
function segmentsOf(count, { kind, segmentCount: all, plainSize, index }) {
  const wanted = new Set(Array.from({ length: Math.min(count, all) }, (_, at) => at));
  if (index) {
    const last = Math.floor((index.to - 1) / plainSize);
    for (let at = Math.floor(index.from / plainSize); at <= last; at += 1) wanted.add(at);
  } else if (kind === 'video' || kind === 'audio') {
    for (let at = Math.max(0, all - (kind === 'video' ? 2 : 1)); at < all; at += 1) wanted.add(at);
  }
  return [...wanted].sort((one, other) => one - other);
}

/** @param {number} seconds */
function timeWords(seconds) {
  if (seconds < 60) return t('About the first {seconds} seconds', { seconds });
  return many(seconds / 60, 'About the first minute', 'About the first {count} minutes');
}
