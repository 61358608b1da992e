/**
 * What needs a creator, above their sales: refunds to pay, short payments to accept, troubles.
 * @module
 */
import * as tasks from '../net/tasks.js';
import { copies } from '../ui/copy.js';
import { action, byId, fromTemplate, one, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import * as problem from '../ui/problem.js';
import { qr } from '../ui/qr.js';
import { toast } from '../ui/toast.js';
import { mark, t } from '../texts/say.js';

/** @import { Owed, Task } from '../net/tasks.js' */

const AGAIN_MS = 10_000;

/** @type {Record<Task['kind'], {text: string, tone: string}>} */
const KINDS = {
  refund: { text: mark('Refund to pay'), tone: 'amber' },
  failure: { text: mark('Does not open'), tone: 'red' },
  short: { text: mark('Paid short'), tone: 'amber' },
  conflict: { text: mark('Conflict'), tone: 'amber' },
  reversed: { text: mark('Reversed'), tone: 'red' },
  token: { text: mark('Token received'), tone: '' },
  forward: { text: mark('Waiting to be passed on'), tone: 'amber' },
};

const root = byId('tasks');
const rows = byId('task-rows');
let known = '';

/** @param {Task} task */
function rowOf(task) {
  const row = one(fromTemplate('task-row'), 'li');
  const { text, tone } = KINDS[task.kind];
  row.dataset['kind'] = task.kind;
  slot(row, 'title').textContent = task.title;
  slot(row, 'kind').textContent = t(text);
  slot(row, 'kind').className = `badge ${tone}`;
  slot(row, 'says').textContent = task.says;
  if (task.txid) showCode(row, 'txid', task.txid);
  if (task.refund) showRefund(row, task, task.refund);
  if (task.kind === 'short') showShort(row, task);
  if (task.kind === 'failure') showFailure(row, task);
  return row;
}

/**
 * @param {HTMLElement} row
 * @param {string} name
 * @param {string} text
 */
function showCode(row, name, text) {
  slot(row, name).textContent = text;
  slot(row, `${name}-row`).hidden = false;
  copies(action(row, `copy-${name}`), () => text, t('Copied'));
}

/**
 * @param {HTMLElement} row
 * @param {Task} task
 * @param {Owed} refund
 */
function showRefund(row, { purchase }, refund) {
  if (refund.txid) {
    showCode(row, 'txid', refund.txid);
  } else if (refund.uri) {
    slot(row, 'pay').hidden = false;
    slot(row, 'qr').replaceChildren(qr(refund.uri));
    const uri = slot(row, 'uri');
    uri.setAttribute('href', refund.uri);
    uri.dataset['testid'] = 'refund-uri';
    showCode(row, 'address', refund.address);
    showCode(row, 'amount', format.amount(refund.due_sat - refund.paid_sat));
  }
  showClosing(row, (note) => tasks.close(String(purchase), note));
}

/**
 * @param {HTMLElement} row
 * @param {(note: string) => Promise<unknown>} close
 */
function showClosing(row, close) {
  const form = slot(row, 'closing');
  action(row, 'close').hidden = false;
  action(row, 'close').addEventListener('click', () => {
    form.hidden = !form.hidden;
    if (!form.hidden) slot(row, 'note').focus();
  });
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    const note = /** @type {HTMLInputElement} */ (slot(row, 'note')).value;
    void act(row, () => close(note), t('Closed.'));
  });
}

/**
 * @param {HTMLElement} row
 * @param {Task} task
 */
function showShort(row, { purchase, invoice }) {
  const { seen_sat: seen = 0, confirmed_sat: confirmed = 0 } = invoice ?? {};
  const accept = action(row, 'accept');
  accept.hidden = false;
  accept.textContent = t('Accept {amount}', { amount: format.coins(seen) });
  accept.addEventListener('click', () =>
    act(row, () => tasks.accept(String(purchase)), t('Accepted: it opens once it is in a block.')),
  );
  const back = action(row, 'back');
  back.hidden = confirmed === 0;
  back.addEventListener('click', () =>
    act(row, () => tasks.offerBack(String(purchase), confirmed), t('It is a refund to pay now.')),
  );
}

/**
 * @param {HTMLElement} row
 * @param {Task} task
 */
function showFailure(row, { purchase, invoice }) {
  const { confirmed_sat: confirmed = 0 } = invoice ?? {};
  const back = action(row, 'back');
  back.hidden = confirmed === 0;
  back.textContent = t('Send {amount} back', { amount: format.coins(confirmed) });
  back.addEventListener('click', () =>
    act(row, () => tasks.offerBack(String(purchase), confirmed), t('It is a refund to pay now.')),
  );
  showClosing(row, (note) => tasks.closeFailure(String(purchase), note));
  one(row, '[data-slot="closing"] button').textContent = t('Close it');
}

/**
 * @param {HTMLElement} row
 * @param {() => Promise<unknown>} decide
 * @param {string} done
 */
async function act(row, decide, done) {
  const buttons = row.querySelectorAll('button');
  for (const button of buttons) button.disabled = true;
  try {
    await decide();
    toast(done);
    await load();
  } catch (error) {
    problem.show(slot(row, 'problem'), error);
    for (const button of buttons) button.disabled = false;
  }
}

/** Draws anew only what changed, so that nobody types into a row that goes away. */
async function load() {
  const found = await tasks.list();
  const now = JSON.stringify(found);
  if (now === known) return;
  known = now;
  rows.replaceChildren(...found.tasks.map(rowOf));
  root.hidden = found.tasks.length === 0;
  root.dataset['count'] = String(found.tasks.length);
}

function again() {
  if (document.visibilityState === 'visible') void load().catch(() => undefined);
}

setInterval(again, AGAIN_MS);
document.addEventListener('visibilitychange', again);
await load().catch((error) => problem.show(byId('problem'), error));
