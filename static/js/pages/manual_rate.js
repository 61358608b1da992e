/**
 * A creator's own exchange rates: what they are, today's beside them, and when they are used.
 * @module
 */
import * as creator from '../net/creator.js';
import { action, byId, fromTemplate, make, one, slot } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import * as format from '../ui/format.js';
import * as problem from '../ui/problem.js';
import { toast } from '../ui/toast.js';
import { language, t } from '../texts/say.js';

/** @import { ManualRate, Rates } from '../net/creator.js' */

/** Those that people price in come first. */
const USUAL = ['EUR', 'USD', 'GBP', 'CHF'];
const NUMBER = /^\d{1,15}(\.\d{1,8})?$/;
/** 4,500 (German: 4.500): thousands to some, units to others: asked again. */
const isGerman = language() === 'de';
const THOUSANDS = isGerman ? /^[1-9]\d{0,2}(\.\d{3})+$/ : /^\d{1,3}(,\d{3})+$/;
/** A distance from today's rate, in percent, that is worth a second look. */
const FAR = 20;

const form = byId('rate-form', HTMLFormElement);
const input = byId('rate', HTMLInputElement);
const select = byId('rate-currency', HTMLSelectElement);
const today = byId('rate-today');
const list = byId('rate-list');
const place = byId('rate-problem');

/** @type {Rates} */
let rates = { currencies: {}, stale: true };

/** Fetches and shows everything. */
export async function load() {
  const [kept, current] = await Promise.all([creator.manualRates(), creator.rates()]);
  rates = current;
  const names = [...USUAL, ...kept.currencies.filter((name) => !USUAL.includes(name))];
  const chosen = select.value;
  select.replaceChildren(
    ...names.map((name) => {
      const option = /** @type {HTMLOptionElement} */ (make('option', { text: name }));
      option.value = name;
      return option;
    }),
  );
  select.value = chosen || 'EUR';
  list.replaceChildren(...kept.rates.map(row));
  list.hidden = kept.rates.length === 0;
  showToday();
}

/**
 * @param {ManualRate} kept
 * @returns {DocumentFragment}
 */
function row(kept) {
  const found = fromTemplate('rate-row');
  const current = rates.currencies[kept.currency];
  slot(found, 'rate').textContent = t('1 BCH = {rate} {currency}', {
    rate: format.decimal(kept.rate),
    currency: kept.currency,
  });
  const badge = slot(found, 'use');
  badge.textContent = current ? t('Waiting') : t('In use now');
  badge.classList.toggle('amber', !current);
  const since = t('Set on {date}', { date: format.date(kept.at, {}) });
  const instead = current
    ? t('today’s rate is {rate}, used instead', { rate: shown(current.rate) })
    : t('no other rate is valid at this moment');
  slot(found, 'facts').textContent = `${since} · ${instead}`;
  const { currency } = kept;
  const change = action(found, 'change');
  change.setAttribute('aria-label', t('Change the {currency} rate', { currency }));
  change.addEventListener('click', () => {
    select.value = kept.currency;
    input.value = isGerman ? kept.rate.replace('.', ',') : kept.rate;
    showToday();
    input.focus();
  });
  const remove = action(found, 'remove');
  remove.setAttribute('aria-label', t('Remove the {currency} rate', { currency }));
  remove.addEventListener('click', () =>
    guarded(remove, async () => {
      await creator.removeManualRate(kept.currency);
      await load();
      toast(t('Rate removed'));
      input.focus();
    }),
  );
  return found;
}

function showToday() {
  const current = rates.currencies[select.value];
  const typed = read();
  if (!current) {
    today.className = 'hint';
    today.textContent = t('No exchange rate for {currency} is valid at this moment.', {
      currency: select.value,
    });
    return;
  }
  const percent = typed ? Math.round((Number(typed) / Number(current.rate) - 1) * 100) : 0;
  today.className = Math.abs(percent) > FAR ? 'warn' : 'hint';
  const values = { rate: shown(current.rate), currency: select.value };
  today.textContent = `${t('Today’s rate is {rate} {currency}.', values)}${besideIt(percent)}`;
}

/** @param {number} percent  from today's rate */
function besideIt(percent) {
  if (percent === 0) return '';
  const values = { percent: format.number(Math.abs(percent)) };
  return percent > 0
    ? ` ${t('Yours is {percent}\u00a0% above it.', values)}`
    : ` ${t('Yours is {percent}\u00a0% below it.', values)}`;
}

/** @returns {string} what was typed as a decimal number; '' if it is none */
function read() {
  if (THOUSANDS.test(input.value.trim())) return '';
  const typed = input.value.trim().replace(',', '.');
  return NUMBER.test(typed) && Number(typed) > 0 ? typed : '';
}

/**
 * @param {string} rate  to eight places
 * @returns {string} to as many as tell something
 */
function shown(rate) {
  const [whole = '', digits = ''] = rate.split('.');
  const places = whole.length > 2 ? 2 : whole === '0' ? 8 : 4;
  return format.decimal(digits ? `${whole}.${digits.slice(0, places).padEnd(2, '0')}` : whole);
}

/**
 * @param {HTMLButtonElement} button
 * @param {() => Promise<void>} act
 */
async function guarded(button, act) {
  if (button.disabled) return;
  problem.hide(place);
  button.disabled = true;
  await act().catch((error) => problem.show(place, error));
  button.disabled = false;
}

input.addEventListener('input', () => {
  setWrong(input, '');
  showToday();
});
select.addEventListener('change', showToday);
form.addEventListener('submit', (event) => {
  event.preventDefault();
  const rate = read();
  if (!rate) {
    refuse(input, t('What one whole BCH costs, such as 412.50, without a sign between thousands.'));
    return;
  }
  void guarded(/** @type {HTMLButtonElement} */ (one(form, 'button[type=submit]')), async () => {
    await creator.setManualRate({ currency: select.value, rate });
    input.value = '';
    await load();
    toast(t('Rate kept'));
  });
});
