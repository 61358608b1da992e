/**
 * What a new password must be. Only the page can say: the password never leaves it.
 * @module
 */
import { usualPasswords } from '../net/words.js';
import { t } from '../texts/say.js';

/** Counted as people count: a picture letter is one. */
export const LEAST_LETTERS = 10;
/** What must be left of a password without the names that everybody here knows. */
const LEAST_REST = 4;

/**
 * @param {string} password
 * @param {string[]} names  of the account and of this site
 * @returns {Promise<string>} what is wrong with it; '' if nothing is
 * @throws {Error} if the list of usual passwords cannot be read: then nothing is known
 */
export async function wrongWith(password, names) {
  const letters = password.normalize('NFKC');
  if ([...letters].length < LEAST_LETTERS) {
    return t('Longer, please: four random words are good.');
  }
  const [first = ''] = names;
  if (letters === first) return t('Not the same as the name.');
  if (isMadeOf(letters, [...names, 'kim'])) {
    return t('Not made of your name or the name of this site: four random words are good.');
  }
  if ((await usualPasswords()).has(letters.toLowerCase())) {
    return t('Many people use this one, so it is tried first: four random words are good.');
  }
  return '';
}

/** The name of this site, as its head says it. */
export const siteName = () => document.querySelector('a.mark')?.textContent ?? '';

/**
 * @param {string} password
 * @param {string[]} names
 */
function isMadeOf(password, names) {
  const plain = bare(password);
  let rest = plain;
  for (const name of names.map(bare).sort((one, other) => other.length - one.length)) {
    if (name.length > 2) rest = rest.replaceAll(name, '');
  }
  return rest !== plain && rest.replace(/\p{N}/gu, '').length < LEAST_REST;
}

/** @param {string} text */
const bare = (text) =>
  text
    .normalize('NFKC')
    .toLowerCase()
    .replace(/[^\p{L}\p{N}]/gu, '');
