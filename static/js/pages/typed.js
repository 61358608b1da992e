/**
 * What was typed beside an upload, kept with it: a closed tab costs no words either.
 * @module
 */
import * as unfinished from '../io/unfinished.js';
import { byId } from '../ui/dom.js';

const FIELDS = [
  ...['title', 'description', 'amount', 'currency', 'confirmations'],
  ...['kind-fixed', 'kind-minimum', 'kind-free', 'suggested', 'free-first', 'stock'],
  ...['shows-stock', 'strict', 'from', 'until', 'tips'],
  ...['is-adult', 'shows-contents', 'has-card'],
];

/** @param {string} id */
function field(id) {
  return /** @type {HTMLInputElement} */ (byId(id));
}

/** @param {HTMLInputElement} input */
function valueOf(input) {
  const isChoice = input.type === 'radio' || input.type === 'checkbox';
  return isChoice ? String(input.checked) : input.value;
}

/**
 * @param {HTMLInputElement} input
 * @param {string} value  as valueOf gave it
 */
function put(input, value) {
  if (input.type === 'radio' || input.type === 'checkbox') {
    input.checked = value === 'true';
    return;
  }
  const before = input.value;
  input.value = value;
  if (input.value !== value) input.value = before; // a choice that is no longer offered
}

/** @param {string} uploadId */
export async function keep(uploadId) {
  const values = Object.fromEntries(FIELDS.map((id) => [id, valueOf(field(id))]));
  await unfinished.keepForm({ uploadId, values }).catch(() => undefined); // words only
}

/**
 * Fields that somebody has typed into since stay as they are.
 * @param {string} uploadId
 */
export async function restore(uploadId) {
  const kept = await unfinished.form(uploadId);
  const isTyped = field('amount').value !== '' || field('description').value !== '';
  if (!kept || isTyped) return;
  for (const id of FIELDS) {
    const value = kept.values[id];
    const input = field(id);
    if (value === undefined) continue;
    put(input, value);
    input.dispatchEvent(new Event('input', { bubbles: true }));
  }
}
