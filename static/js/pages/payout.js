/**
 * Where the money goes: one field, looked at by the server as one types, kept when asked.
 * @module
 */
import * as creator from '../net/creator.js';
import { ApiError } from '../net/api.js';
import { action, byId, make, one, slot } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import { moment } from '../ui/format.js';
import * as problem from '../ui/problem.js';
import { toast } from '../ui/toast.js';
import { mark, t } from '../texts/say.js';
import { derivedFor } from './passwords.js';

/**
 * @import { Payout, PayoutPreview } from '../net/creator.js'
 */

const PAUSE_MS = 300;
/** Private keys and seed words must not even be sent for a look. */
const PRIVATE = /^\s*(xprv|tprv|[KL5c][1-9A-HJ-NP-Za-km-z]{50,51}\s*$)|^(\s*[a-z]{3,8}\s+){11}/;

export class PayoutField {
  #username;
  #input = byId('payout', HTMLInputElement);
  #root = byId('payout-field');
  #password = byId('payout-password', HTMLInputElement);
  #code = byId('payout-code', HTMLInputElement);
  /** @type {Payout | null} */
  #kept = null;
  /** @type {PayoutPreview | null} */
  #preview = null;
  #looking = new AbortController();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;
  #onChange;

  /**
   * @param {string} username
   * @param {() => void} onChange  something that others show has changed
   */
  constructor(username, onChange) {
    this.#username = username;
    this.#onChange = onChange;
    this.#input.addEventListener('input', () => this.#typed());
    for (const input of [this.#password, this.#code]) {
      input.addEventListener('input', () => setWrong(input, ''));
    }
    action(this.#root, 'stop-change').addEventListener('click', () => void this.#stop());
  }

  /** Fills the field with what is kept, or on a test chain with what is suggested. */
  async load() {
    const payout = await creator.payout();
    this.#kept = payout?.id ? payout : null;
    this.#showWaiting();
    const value = this.#kept?.shown ?? payout?.suggested ?? '';
    if (!this.#input.value || this.#isKept) this.#input.value = value;
    this.#showPassword();
    if (this.#isKept) this.#onChange();
    else if (this.#input.value) await this.#look();
  }

  /** Whether a change was asked for that did not take effect yet. */
  get isWaiting() {
    return this.#kept?.waiting !== undefined;
  }

  /** Whether the field holds something that can be paid to, as far as is known. */
  get isGood() {
    return this.#isKept || (this.#preview !== null && this.#value !== '');
  }

  /** @returns {'address' | 'xpub' | null} */
  get kind() {
    return (this.#isKept ? this.#kept?.kind : this.#preview?.kind) ?? null;
  }

  /**
   * Keeps what stands in the field, if it is new.
   * @param {string} [kind]  of the price: of what is free, nobody has to say where money goes
   * @returns {Promise<boolean>} false where the person has to mend something first
   */
  async keep(kind = '') {
    if (this.#isKept || (kind === 'free' && !this.#value)) return true;
    if (!this.#value) return refuse(this.#input, t('Say where the money goes.'));
    if (PRIVATE.test(this.#input.value)) return refuse(this.#input, t(WRONG_PRIVATE));
    if (this.#kept && !this.#password.value) {
      this.#showPassword();
      return refuse(this.#password, t('Changing where the money goes needs your password.'));
    }
    try {
      const derived = this.#kept
        ? await derivedFor(this.#username, this.#password.value)
        : undefined;
      const code = this.#code.value.trim();
      const proof = { ...(derived ? { derived } : {}), ...(code ? { code } : {}) };
      this.#kept = await creator.setPayout({ value: this.#value, ...proof });
    } catch (error) {
      if (!(error instanceof ApiError) || error.isPassing) throw error;
      if (error.code === 'second_step_required') slot(this.#root, 'code').hidden = false;
      return refuse(this.#at(error.code), `${error.message} ${error.hint}`);
    }
    this.#password.value = this.#code.value = '';
    slot(this.#root, 'code').hidden = true;
    this.#showWaiting();
    this.#input.value = this.#kept.shown ?? this.#value;
    this.#showPassword();
    this.#onChange();
    return true;
  }

  /** @param {string} code  of a refusal */
  #at(code) {
    if (['password_required', 'password_wrong'].includes(code)) return this.#password;
    return code.startsWith('second_step') ? this.#code : this.#input;
  }

  async #stop() {
    try {
      await creator.stopPayoutChange();
      await this.load();
      toast(t('The change is stopped'));
    } catch (error) {
      toast(problem.said(error).message);
    }
  }

  #showWaiting() {
    const change = this.#kept?.waiting;
    slot(this.#root, 'waiting').hidden = !change;
    if (!change) return;
    const values = { when: moment(change.due_at), address: change.shown };
    slot(this.#root, 'waiting-said').textContent = t(
      'From {when} the money goes to {address}.',
      values,
    );
  }

  get #value() {
    return this.#input.value.trim();
  }

  get #isKept() {
    return this.#kept !== null && this.#value === this.#kept.shown;
  }

  #typed() {
    clearTimeout(this.#timer);
    this.#looking.abort();
    this.#preview = null;
    setWrong(this.#input, '');
    this.#show(null);
    this.#showPassword();
    this.#onChange();
    if (!this.#value || this.#isKept) return;
    if (PRIVATE.test(this.#input.value)) setWrong(this.#input, t(WRONG_PRIVATE));
    else this.#timer = setTimeout(() => void this.#look(), PAUSE_MS);
  }

  async #look() {
    this.#looking = new AbortController();
    const { signal } = this.#looking;
    try {
      this.#preview = await creator.previewPayout(this.#value, signal);
      this.#show(this.#preview);
    } catch (error) {
      if (signal.aborted) return;
      // Being offline says nothing about the address: publishing will ask again.
      if (error instanceof ApiError && !error.isPassing) {
        setWrong(this.#input, `${error.message} ${error.hint}`);
      }
    }
    this.#onChange();
  }

  /** @param {PayoutPreview | null} preview */
  #show(preview) {
    slot(this.#root, 'said').textContent = t(preview ? KINDS[preview.kind] : ASK);
    const warnings = slot(this.#root, 'warnings');
    const lines = (preview?.warnings ?? []).map(({ text }) => make('li', { class: 'warn', text }));
    warnings.replaceChildren(...lines);
    warnings.hidden = lines.length === 0;
    const addresses = slot(this.#root, 'addresses');
    const first = preview?.kind === 'xpub' ? preview.first_addresses : [];
    one(addresses, 'ol').replaceChildren(...first.map((text) => make('li', { text })));
    addresses.hidden = first.length === 0;
  }

  #showPassword() {
    slot(this.#root, 'password').hidden = this.#kept === null || this.#isKept || !this.#value;
  }
}

const ASK = mark(
  'Your Bitcoin Cash address. Payments go straight there. Not an exchange’s address.',
);
const KINDS = {
  address: mark(
    'An address: each buyer pays to a fresh one, which can forward to this one and nowhere else.',
  ),
  xpub: mark(
    'An xpub: each buyer pays to a fresh address of your own wallet. Compare these with your wallet.',
  ),
};
const WRONG_PRIVATE = mark(
  'That looks like a private key or seed words. Never enter them anywhere. An address or an xpub is enough.',
);
