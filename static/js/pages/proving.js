/**
 * The password again, and a code where the second step is on: before what would help whoever found a
 * browser signed in. The fields are those of unlock/proof_fields.html.
 * @module
 */
import { ApiError } from '../net/api.js';
import { byId } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import { t } from '../texts/say.js';
import { derivedFor } from './passwords.js';

/** @typedef {{derived: string, code?: string}} Proof */

export class ProofField {
  #username;
  #password;
  #code;
  #codeField;

  /**
   * @param {string} name  what the ids of the fields begin with
   * @param {string} username
   */
  constructor(name, username) {
    this.#username = username;
    this.#password = byId(`${name}-password`, HTMLInputElement);
    this.#code = byId(`${name}-step`, HTMLInputElement);
    this.#codeField = byId(`${name}-step-field`);
    for (const input of [this.#password, this.#code]) {
      input.addEventListener('input', () => setWrong(input, ''));
    }
  }

  /**
   * @template T
   * @param {(proof: Proof) => Promise<T>} act
   * @returns {Promise<T | null>} null where the person has to mend something first
   */
  async with(act) {
    if (!this.#password.value) return refused(this.#password, t('Your password.'));
    const derived = await derivedFor(this.#username, this.#password.value);
    const code = this.#code.value.trim();
    try {
      const done = await act({ derived, ...(code ? { code } : {}) });
      this.#password.value = this.#code.value = '';
      this.#codeField.hidden = true;
      return done;
    } catch (error) {
      const input = this.#fieldOf(error);
      if (!input) throw error;
      return refused(input, error instanceof Error ? error.message : '');
    }
  }

  /** @param {unknown} error  @returns {HTMLInputElement | null} */
  #fieldOf(error) {
    if (!(error instanceof ApiError)) return null;
    if (['password_required', 'password_wrong'].includes(error.code)) return this.#password;
    if (!error.code.startsWith('second_step')) return null;
    this.#codeField.hidden = false;
    return this.#code;
  }
}

/**
 * @param {HTMLInputElement} input
 * @param {string} why
 * @returns {null}
 */
function refused(input, why) {
  refuse(input, why);
  return null;
}
