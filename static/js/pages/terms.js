/**
 * What a creator lets pass: how much may be missing, and whether late satoshis are honoured.
 * @module
 */
import * as creator from '../net/creator.js';
import { byId } from '../ui/dom.js';
import { refuse, setWrong } from '../ui/field.js';
import * as problem from '../ui/problem.js';
import { toast } from '../ui/toast.js';
import { t } from '../texts/say.js';

const MOST_BPS = 500;
const PERCENT = /^(\d)(?:[.,](\d{1,2}))?$/;

const tolerance = byId('tolerance', HTMLInputElement);
const honour = byId('honour', HTMLInputElement);
const form = byId('terms-form', HTMLFormElement);
const place = byId('terms-problem');

/** @param {import('../net/creator.js').Terms} terms */
function show({ tolerance_bps: bps, honour_sats: isHonoured }) {
  tolerance.value = String(bps / 100);
  honour.checked = isHonoured;
}

/**
 * @param {string} typed  "1", "0.5", "0,5"
 * @returns {number | null} hundredths of a percent
 */
function bpsOf(typed) {
  const match = PERCENT.exec(typed.trim());
  if (!match) return null;
  const bps = Number(match[1]) * 100 + Number((match[2] ?? '').padEnd(2, '0'));
  return bps <= MOST_BPS ? bps : null;
}

async function keep() {
  const bps = bpsOf(tolerance.value);
  if (bps === null) return void refuse(tolerance, t('From 0 to 5, like 1 or 0.5.'));
  show(await creator.changeTerms({ tolerance_bps: bps, honour_sats: honour.checked }));
  toast(t('Saved. It holds for new orders.'));
}

export async function showTerms() {
  const button = /** @type {HTMLButtonElement} */ (form.querySelector('button[type=submit]'));
  tolerance.addEventListener('input', () => setWrong(tolerance, ''));
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    problem.hide(place);
    button.disabled = true;
    await keep().catch((error) => problem.show(place, error));
    button.disabled = false;
  });
  show(await creator.terms());
}
