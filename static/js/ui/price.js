/**
 * The price as typed: read strictly, kept as a decimal string, compared with the floor in satoshis.
 * @module
 */

const SAT_PER_BCH = 100_000_000;

/** @typedef {{amount: string, currency: string}} Price */

/**
 * @param {string} typed  "4", "4.00", "4,50", "1 000.00"
 * @param {string} currency
 * @returns {Price | null} null where that is no price
 */
export function parsePrice(typed, currency) {
  const text = typed.replace(/[\s'\u00a0\u202f]/g, '').replace(',', '.');
  const digits = currency === 'BCH' ? 8 : 2;
  const match = new RegExp(`^(\\d{1,9})(?:\\.(\\d{0,${digits}}))?$`).exec(text);
  if (!match) return null;
  const whole = String(Number(match[1]));
  const rest = match[2] ?? '';
  const amount = currency === 'BCH' ? trimmed(whole, rest) : `${whole}.${rest.padEnd(2, '0')}`;
  return Number(amount) > 0 ? { amount, currency } : null;
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
 * @param {string} whole
 * @param {string} rest
 */
function trimmed(whole, rest) {
  const kept = rest.replace(/0+$/, '');
  return kept ? `${whole}.${kept}` : whole;
}
