/**
 * The list of usual passwords: a file of ours, read where somebody chooses a new one.
 * @module
 */
const LIST = new URL('../../words/passwords.txt', import.meta.url);

/** @returns {Promise<Set<string>>} in small letters */
export async function usualPasswords() {
  const answer = await fetch(LIST);
  if (!answer.ok) throw new Error(`the list of usual passwords: ${answer.status}`);
  return new Set((await answer.text()).split('\n'));
}
