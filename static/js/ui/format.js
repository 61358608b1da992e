/**
 * Numbers and dates as people read them in the language of the page: always with a unit, never with
 * false precision.
 * @module
 */
import { language, many, t } from '../texts/say.js';

const SAT_PER_BCH = 100_000_000;
const UNITS = ['', 'KB', 'MB', 'GB', 'TB', 'PB'];
const COIN_DIGITS = 8;

/** An English page writes dates as its reader's browser does. */
const locale = () => (language() === 'en' ? undefined : language());

/**
 * @param {number} count
 * @returns {string} "1,048,576"
 */
export function number(count) {
  return count.toLocaleString(language());
}

/**
 * @param {number} count
 * @param {number} [digits]  significant digits
 * @returns {string} "2.94 GB"
 */
export function bytes(count, digits = 3) {
  if (count < 1000) return many(count, '1 byte', '{count} bytes', { count: Math.round(count) });
  const power = Math.min(UNITS.length - 1, Math.floor(Math.log10(count) / 3));
  const precise = (count / 1000 ** power).toPrecision(digits);
  return `${decimal(precise.includes('e') ? String(Number(precise)) : precise)} ${UNITS[power]}`;
}

/**
 * Two counts of one thing in the same unit.
 * @param {number} part
 * @param {number} whole
 * @returns {string} "1.82 of 2.94 GB"
 */
export function progress(part, whole) {
  const power = whole < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(whole) / 3));
  const digits = power === 0 ? 0 : whole / 1000 ** power < 100 ? 2 : 0;
  const [done = '', all = ''] = [part, whole].map((count) =>
    decimal((count / 1000 ** power).toFixed(digits)),
  );
  const unit = UNITS[power] || t('bytes');
  return t('{done} of {all} {unit}', { done, all, unit });
}

/**
 * @param {number} bytesPerSecond
 * @returns {string} "41 MB/s"
 */
export function rate(bytesPerSecond) {
  return `${bytes(bytesPerSecond, bytesPerSecond < 1e7 ? 2 : 3)}/s`;
}

/**
 * @param {number} seconds
 * @returns {string} "27 s", "3 min", "1 h 48 min"
 */
export function duration(seconds) {
  const whole = Math.max(0, Math.ceil(seconds));
  if (whole < 90) return `${whole} s`;
  const minutes = Math.round(whole / 60);
  if (minutes < 90) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

/**
 * @param {string} at  ISO 8601
 * @returns {string} "22 Nov, 17:36", in the reader's own zone
 */
export function moment(at) {
  const when = new Date(at);
  const year = when.getFullYear() === new Date().getFullYear() ? undefined : 'numeric';
  const rest = /** @type {const} */ ({ day: 'numeric', month: 'short' });
  const time = /** @type {const} */ ({ hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
  return new Intl.DateTimeFormat(locale() ?? 'en-GB', { ...rest, ...time, year }).format(when);
}

/**
 * @param {string | number | Date} at
 * @param {Intl.DateTimeFormatOptions} [style]
 * @returns {string} "Nov 23, 2026"
 */
export function date(at, style = { dateStyle: 'medium' }) {
  return new Intl.DateTimeFormat(locale(), style).format(new Date(at));
}

/**
 * @param {string | number | Date} at
 * @returns {string} "Nov 23, 2026, 2:05 PM"
 */
export function dateTime(at) {
  return date(at, { dateStyle: 'medium', timeStyle: 'short' });
}

/**
 * @param {string} start  the first day of a bar of a chart, a date of the reader's own zone
 * @param {'day' | 'week' | 'month'} step  that one bar covers
 * @returns {string} "Nov 23"; of a month "Nov 2026"
 */
export function bar(start, step) {
  const [year = 0, month = 1, day = 1] = start.split('-').map(Number);
  const style = /** @type {Intl.DateTimeFormatOptions} */ (
    step === 'month' ? { month: 'short', year: 'numeric' } : { day: 'numeric', month: 'short' }
  );
  return date(new Date(year, month - 1, day), style);
}

/**
 * @param {number} sat
 * @returns {string} "0.00912300", in every language: this is copied into wallets
 */
export function amount(sat) {
  const whole = Math.floor(sat / SAT_PER_BCH);
  return `${whole}.${String(sat % SAT_PER_BCH).padStart(COIN_DIGITS, '0')}`;
}

/**
 * @param {number} sat
 * @returns {string} "0.00912300 BCH"
 */
export function coins(sat) {
  return `${decimal(amount(sat))} BCH`;
}

/**
 * @param {string} text  "1234.50", kept exactly as it is in an English page
 * @param {{isGrouped?: boolean}} [how]
 * @returns {string} "1.234,50" in a German one
 */
export function decimal(text, { isGrouped = true } = {}) {
  if (language() === 'en') return text;
  const [whole = '', ...rest] = text.split('.');
  return [isGrouped ? number(Number(whole)) : whole, ...rest].join(
    (0.5).toLocaleString(language()).charAt(1),
  );
}

/**
 * @param {{amount: string, currency: string}} price  a decimal string, kept exactly as it is
 * @returns {string} "€4.00", "0.01 BCH"
 */
export function price({ amount: exact, currency }) {
  const said = decimal(exact);
  if (currency === 'BCH') return `${said} BCH`;
  try {
    const format = new Intl.NumberFormat(locale(), { style: 'currency', currency });
    const parts = format.formatToParts(0);
    const symbol = parts.find((part) => part.type === 'currency')?.value ?? currency;
    const isBefore = parts.findIndex((part) => part.type === 'currency') === 0;
    return isBefore ? `${symbol} ${said}` : `${said} ${symbol}`;
  } catch {
    return `${said} ${currency}`;
  }
}

/**
 * @param {string} address
 * @returns {string} shortened in the middle, for the eye only: copies are always whole
 */
export function shortened(address) {
  const [prefix, body] = address.includes(':') ? address.split(':') : ['', address];
  if (!body || body.length <= 16) return address;
  return `${prefix ? `${prefix}:` : ''}${body.slice(0, 6)}…${body.slice(-6)}`;
}
