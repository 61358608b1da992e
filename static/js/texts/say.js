/**
 * The words that people see, in the language of the page.
 *
 * The English text is the key, so an English page carries no catalogue at all and reads as it is
 * written. A page in another language runs `texts/<language>/….js` before its own script.
 * @module
 */

/** @typedef {Record<string, string | number>} Values */
/** @typedef {Record<string, string | string[]>} Catalogue  by English text; a list where it counts */

/** @type {Map<string, string | string[]>} */
const known = new Map();

/** @param {Catalogue} catalogue */
export function learn(catalogue) {
  for (const [english, said] of Object.entries(catalogue)) {
    if ([said].flat().every(Boolean)) known.set(english, said); // else it stays English
  }
}

/** @returns {string} "en" or "de", as the server wrote it into the page */
export function language() {
  return globalThis.document?.documentElement.lang || 'en';
}

/** What a page says after its first step; before it, that would only weigh on its loading. */
export async function learnRest() {
  if (language() !== 'en') await import(`./${language()}/rest.js`);
}

/**
 * @param {string} english  a literal: `make texts` reads it out of the source
 * @param {Values} [values]  for its {names}; none is read as a pattern again
 * @returns {string}
 */
export function t(english, values) {
  const said = known.get(english);
  return filled(typeof said === 'string' ? said : english, values);
}

/**
 * @param {number} count  also the value of {count}
 * @param {string} one  a literal, for exactly one
 * @param {string} other  a literal, for any other number
 * @param {Values} [values]
 * @returns {string}
 */
export function many(count, one, other, values) {
  const said = known.get(one);
  const forms = Array.isArray(said) ? said : [one, other];
  return filled(forms[count === 1 ? 0 : 1] ?? other, { count, ...values });
}

/**
 * A text that stands in a table, or in an error: whoever shows it says it by t() or heard(). It comes
 * with the rest, wherever it stands.
 * @template {string} T
 * @param {T} english  a literal
 * @returns {T}
 */
export const mark = (english) => english;

/**
 * What an error says that was made where no catalogue is (workers, crypto/, io/, net/): its values
 * stand in it already. tests/thrown.py reads these texts out of the source, as "segment {1} is cut".
 * @param {string} english
 * @returns {string} as it is, where it is not known: what the server says is in our language already
 */
export function heard(english) {
  const said = known.get(english);
  if (typeof said === 'string') return said;
  for (const [pattern, other] of known) {
    if (typeof other !== 'string' || !pattern.includes('{1}')) continue;
    const parts = pattern.split(/\{\d\}/).map((part) => part.replace(/[^\w\s]/g, '\\$&'));
    const found = new RegExp(`^${parts.join('(.+)')}$`, 's').exec(english);
    if (found) return filled(other, Object.fromEntries(found.entries()));
  }
  return english;
}

/**
 * @param {string} pattern
 * @param {Values} [values]
 */
function filled(pattern, values) {
  if (!values) return pattern;
  return pattern.replace(/\{(\w+)\}/g, (whole, name) => String(values[name] ?? whole));
}
