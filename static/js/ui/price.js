/**
 * The price as typed: read strictly, kept as a decimal string, compared with the floor in satoshis.
 * @module
 */
import { decimal } from './format.js';

const SAT_PER_BCH = 100_000_000;
/** Where a script's own digits begin: Arabic, Persian, Devanagari, full width. */
const ZEROS = [0x0660, 0x06f0, 0x0966, 0xff10];
/** Thousands in threes, all by the same sign; then the other sign and the rest. */
const GROUPED = /^\d{1,3}(?:([.,])\d{3})(?:\1\d{3})*([.,])(\d+)$/;

/** @typedef {{amount: string, currency: string}} Price */

/**
 * @param {string} typed  "4", "4.00", "4,50", "1 000.00", "1.234,56", "1'234.56", "٤٫٥٠"
 * @param {string} currency
 * @param {{isZeroFine?: boolean}} [how]
 * @returns {Price | null} null where that is no price, or could be two
 */
export function parsePrice(typed, currency, { isZeroFine = false } = {}) {
  const text = plain(typed);
  const digits = currency === 'BCH' ? 8 : 2;
  const match = new RegExp(`^(\\d{1,9})(?:\\.(\\d{0,${digits}}))?$`).exec(text);
  if (!match) return null;
  const whole = String(Number(match[1]));
  const rest = match[2] ?? '';
  const amount = currency === 'BCH' ? trimmed(whole, rest) : `${whole}.${rest.padEnd(2, '0')}`;
  return Number(amount) > 0 || isZeroFine ? { amount, currency } : null;
}

/**
 * @param {Price} price
 * @returns {string} as people of this language type it: "4,50"
 */
export function typedPrice({ amount, currency }) {
  // 1,234 BCH would be a thousand to some: see plain().
  return currency === 'BCH' ? amount : decimal(amount, { isGrouped: false });
}

/**
 * For the eye only; what is owed is worked out by the server when somebody presses Buy.
 * @param {Price} price
 * @param {string | undefined} rate  of 1 BCH in that currency
 * @returns {number | null} satoshis
 */
export function estimateSat({ amount, currency }, rate) {
  if (currency === 'BCH') return Math.round(Number(amount) * SAT_PER_BCH);
  if (!rate || !(Number(rate) > 0)) return null;
  return Math.ceil((Number(amount) / Number(rate)) * SAT_PER_BCH);
}

/**
 * @param {string} typed
 * @returns {string} with a point, ASCII digits and no groups, as far as only one reading is possible
 */
function plain(typed) {
  const text = typed
    .replace(/[\s'’\u066c]/g, '')
    .replace(/\u066b/g, '.')
    .replace(/[\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\uff10-\uff19]/g, asciiDigit);
  if (/^[1-9]\d{0,2},\d{3}$/.test(text)) return text; // a thousand to some, a little to others
  const grouped = GROUPED.exec(text);
  if (!grouped) return text.replace(',', '.');
  const [, group = '', point = '', rest = ''] = grouped;
  if (group === point) return text;
  return `${text.slice(0, -rest.length - 1).replaceAll(group, '')}.${rest}`;
}

/** @param {string} character */
function asciiDigit(character) {
  const code = character.charCodeAt(0);
  const zero = ZEROS.find((start) => code >= start && code < start + 10) ?? code;
  return String(code - zero);
}

/**
 * @param {string} whole
 * @param {string} rest
 */
function trimmed(whole, rest) {
  const kept = rest.replace(/0+$/, '');
  return kept ? `${whole}.${kept}` : whole;
}
