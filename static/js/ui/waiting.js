/**
 * What a payment that may open its file before a block still waits for, in one plain line.
 * @module
 */

/** Codes that pass within seconds. @type {Record<string, string>} */
const SECONDS = {
  '': 'Checking it.',
  second_server: 'Checking with a second server.',
  rebroadcast: 'Checking that every server takes it.',
  coins: 'Checking the coins it spends.',
  stale: 'Waiting until the chain can be looked at again.',
  '8_seconds': '8 seconds without a contradiction, then the file opens.',
};

/** Codes that only a block ends. @type {Record<string, string>} */
const BLOCK = {
  ceiling: 'the price is above what the creator sells at once',
  total_ceiling: 'several others have just bought from this creator',
  one_operator: 'this site can ask one server only',
  doubt: 'a server contradicted the payment',
  refused: 'a server refused the payment',
  raw: 'the payment could not be read',
  parents: 'the payment spends coins that wait for a block themselves',
  size: 'the payment is a very large transaction',
  many_inputs: 'the payment is made of very many coins',
  input_kind: 'the payment comes from a special kind of address',
  signature_kind: 'the payment is signed in an unusual way',
  fee: 'the payment carries a low fee',
};

/**
 * @param {string} code
 * @returns {string} one sentence, or two
 */
export function waitWords(code) {
  const why = BLOCK[code];
  if (!why) return SECONDS[code] ?? 'Checking it.';
  return `Waiting for a block, about ten minutes, because ${why}. You may close this page.`;
}
