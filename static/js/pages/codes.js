/**
 * "Codes and gifts": links to a file that cost less, or nothing, each copied from here again.
 * @module
 */
import { withCode } from '../crypto/links.js';
import * as net from '../net/codes.js';
import { copy } from '../ui/copy.js';
import { open } from '../ui/dialog.js';
import { action, fromTemplate, one, slot } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import * as format from '../ui/format.js';
import { parsePrice } from '../ui/price.js';
import * as problem from '../ui/problem.js';
import { t } from '../texts/say.js';

/**
 * @import { Code, Making } from '../net/codes.js'
 * @import { FileView } from '../net/creator.js'
 */

const COUNT = /^[1-9]\d{0,5}$/;
const GIFTS_MOST = 200;

/**
 * @param {FileView} file
 * @param {string} share  its link
 */
export async function showCodes(file, share) {
  const { codes } = await net.codes(file.id);
  new Dialog(file, share).show(codes);
}

class Dialog {
  #file;
  #share;
  #root = open('file-codes');
  /** @type {Code[]} */
  #codes = [];

  /**
   * @param {FileView} file
   * @param {string} share
   */
  constructor(file, share) {
    this.#file = file;
    this.#share = share;
    slot(this.#root, 'title').textContent = file.title;
    const form = /** @type {HTMLFormElement} */ (slot(this.#root, 'form'));
    form.addEventListener('input', ({ target }) => {
      if (target instanceof HTMLInputElement) setWrong(target, '');
      this.#fit();
    });
    form.addEventListener('submit', (event) => {
      event.preventDefault();
      const asked = this.#read();
      if (asked) void this.#act(() => net.makeCodes(file.id, asked));
    });
    action(this.#root, 'csv').addEventListener('click', () => void this.#copyAll());
    this.#fit();
  }

  /** @param {Code[]} codes */
  show(codes) {
    this.#codes = codes;
    slot(this.#root, 'list').replaceChildren(...codes.map((code) => this.#row(code)));
    action(this.#root, 'csv').hidden = !codes.some(isLive);
  }

  /** @param {Code} code */
  #row(code) {
    const row = one(fromTemplate('code-row'), 'li');
    slot(row, 'what').textContent = whatOf(code);
    slot(row, 'note').textContent = code.note;
    slot(row, 'facts').textContent = factsOf(code);
    const [take, end] = [action(row, 'copy'), action(row, 'end')];
    take.hidden = end.hidden = !isLive(code);
    take.addEventListener('click', () => void copy(this.#linkOf(code), t('Link copied')));
    end.addEventListener('click', () => void this.#act(() => net.endCode(code.id)));
    return row;
  }

  /** @param {Code} code */
  #linkOf({ code }) {
    return withCode(this.#share, code);
  }

  async #copyAll() {
    const rows = this.#codes
      .filter(isLive)
      .map((code) => [this.#linkOf(code), whatOf(code), code.note]);
    const names = [t('link'), t('takes off'), t('note')];
    const lines = [names, ...rows].map((cells) => cells.map(cell).join(','));
    await copy(`${lines.join('\r\n')}\r\n`, t('{count} copied as CSV', { count: rows.length }));
  }

  /** @param {() => Promise<unknown>} act */
  async #act(act) {
    const place = slot(this.#root, 'problem');
    problem.hide(place);
    try {
      await act();
      this.show((await net.codes(this.#file.id)).codes);
    } catch (error) {
      problem.show(place, error);
    }
  }

  get #kind() {
    return /** @type {HTMLSelectElement} */ (one(this.#root, '#code-kind')).value;
  }

  #fit() {
    const kind = this.#kind;
    slot(this.#root, 'off').hidden = kind === 'gift';
    slot(this.#root, 'off-unit').textContent =
      kind === 'percent'
        ? t('Percent off')
        : t('{currency} off', { currency: this.#file.price.currency });
    slot(this.#root, 'many').textContent = kind === 'gift' ? t('How many') : t('Used at most');
  }

  /** @returns {Making | false} */
  #read() {
    const [off, many, until] = [this.#input('off'), this.#input('many'), this.#input('until')];
    const note = this.#input('note').value.trim();
    const kind = this.#kind;
    const count = many.value.trim();
    if (count && !COUNT.test(count)) return refuse(many, t('A whole number.'));
    const ends = until.value ? new Date(until.value).toISOString() : null;
    if (kind === 'gift') {
      if (Number(count) > GIFTS_MOST) {
        return refuse(many, t('At most {count} at a time.', { count: GIFTS_MOST }));
      }
      return { note, is_gift: true, count: Number(count || 1), ends_at: ends };
    }
    const rest = { note, quantity: count ? Number(count) : null, ends_at: ends };
    if (kind === 'percent') {
      const percent = Number(off.value.trim().replace('%', ''));
      const isGood = Number.isInteger(percent) && percent >= 1 && percent <= 100;
      return isGood ? { ...rest, percent } : refuse(off, t('A whole number from 1 to 100.'));
    }
    const amount = parsePrice(off.value.trim(), this.#file.price.currency);
    return amount ? { ...rest, amount_off: amount } : refuse(off, t('An amount like 1.00.'));
  }

  /** @param {string} name */
  #input(name) {
    return /** @type {HTMLInputElement} */ (one(this.#root, `#code-${name}`));
  }
}

/** @param {Code} code */
function isLive({ ended_at: ended, ends_at: ends, quantity, uses }) {
  return (
    !ended && (!ends || Date.parse(ends) > Date.now()) && (quantity === null || uses < quantity)
  );
}

/** @param {Code} code */
function whatOf({ is_gift: isGift, percent, amount_off: amount }) {
  if (isGift) return t('Gift');
  if (amount) return t('{price} off', { price: format.price(amount) });
  return t('{percent} % off', { percent: percent ?? 0 });
}

/** @param {Code} code */
function factsOf(code) {
  const { is_gift: isGift, quantity, uses, ends_at: ends, ended_at: ended } = code;
  const gift = uses > 0 ? t('taken') : t('not taken yet');
  const used =
    quantity === null
      ? t('used {uses}', { uses })
      : t('used {uses} of {quantity}', { uses, quantity });
  const until = ends ? t('until {when}', { when: format.moment(ends) }) : '';
  return [isGift ? gift : used, ended ? t('ended') : until].filter(Boolean).join(' · ');
}

/**
 * @param {string} text
 * @returns {string} quoted; what a spreadsheet would run as a formula is made text
 */
function cell(text) {
  const tame = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return `"${tame.replaceAll('"', '""')}"`;
}
