/**
 * The settings' webhooks: add one, see its secret once, test it, see what was sent.
 * @module
 */
import { wait } from '../net/backoff.js';
import * as telling from '../net/telling.js';
import { copy } from '../ui/copy.js';
import { open } from '../ui/dialog.js';
import { action, byId, fromTemplate, one, slot } from '../ui/dom.js';
import { duration, moment } from '../ui/format.js';
import { refuse, setWrong } from '../ui/field.js';
import * as problem from '../ui/problem.js';
import { toast } from '../ui/toast.js';
import { many, mark, t } from '../texts/say.js';

/**
 * @typedef {import('../net/telling.js').Webhook} Webhook
 * @typedef {import('../net/telling.js').Delivery} Delivery
 */

const LOOKS = 30; // at a test, one a second: two tries of ten seconds fit in
const STATES = {
  delivered: [mark('delivered'), 'go'],
  waiting: [mark('waiting'), 'amber'],
  given_up: [mark('given up'), 'red'],
  dropped: [mark('not sent'), ''],
};

/** Show what there is, and listen. */
export async function showWebhooks() {
  byId('hook-form', HTMLFormElement).addEventListener('submit', (event) => {
    event.preventDefault();
    void add();
  });
  await list();
}

async function list() {
  const { webhooks } = await telling.webhooks();
  byId('hook-list').replaceChildren(...webhooks.map(row));
  byId('hook-none').hidden = webhooks.length > 0;
}

async function add() {
  const input = byId('hook-url', HTMLInputElement);
  const button = one(byId('hook-form'), 'button');
  setWrong(input, '');
  problem.hide(byId('hook-problem'));
  const url = input.value.trim();
  if (!url) return void refuse(input, t('The address your program listens at.'));
  button.setAttribute('disabled', '');
  try {
    const made = await telling.addWebhook(url);
    input.value = '';
    showSecret(made.secret ?? '');
    await list();
  } catch (error) {
    problem.show(byId('hook-problem'), error);
  } finally {
    button.removeAttribute('disabled');
  }
}

/** @param {string} secret */
function showSecret(secret) {
  const dialog = open('hook-secret');
  slot(dialog, 'secret').textContent = secret;
  action(dialog, 'copy').addEventListener('click', () => void copy(secret, t('Secret copied')));
}

/** @param {Webhook} hook */
function row(hook) {
  const item = one(fromTemplate('hook-row'), 'li');
  slot(item, 'url').textContent = hook.url;
  const state = slot(item, 'state');
  state.textContent = hook.is_active ? t('on') : t('off');
  state.classList.add(hook.is_active ? 'go' : 'amber');
  action(item, 'switch').textContent = hook.is_active ? t('Switch off') : t('Switch on');
  action(item, 'test').hidden = !hook.is_active;
  onPress(item, 'test', () => test(item, hook));
  onPress(item, 'log', () => toggleLog(item, hook));
  onPress(item, 'more', () => showLog(item, hook, slot(item, 'log').dataset['next']));
  onPress(item, 'switch', async () => {
    await telling.switchWebhook(hook.id, !hook.is_active);
    await list();
  });
  action(item, 'delete').addEventListener('click', () => askDelete(item, hook));
  return item;
}

/**
 * @param {HTMLElement} item
 * @param {string} name
 * @param {() => Promise<void>} act
 */
function onPress(item, name, act) {
  const button = action(item, name);
  button.addEventListener('click', async () => {
    if (button.disabled) return;
    problem.hide(slot(item, 'problem'));
    button.disabled = true;
    await act().catch((error) => problem.show(slot(item, 'problem'), error));
    button.disabled = false;
  });
}

/**
 * @param {HTMLElement} item
 * @param {Webhook} hook
 */
async function test(item, hook) {
  const said = slot(item, 'said');
  said.hidden = false;
  said.className = 'small soft';
  said.textContent = t('Sending a test…');
  let sent = await telling.testWebhook(hook.id);
  for (let look = 0; look < LOOKS && sent.attempts === 0; look += 1) {
    await wait(1000);
    sent = await telling.delivery(hook.id, sent.id);
  }
  const last = sent.log.at(-1);
  if (sent.state === 'delivered' && last) {
    said.className = 'small notice';
    said.textContent = t('It works: answered {status} in {ms} ms.', {
      status: last.status ?? 0,
      ms: last.ms,
    });
  } else {
    said.className = 'small notice amber';
    said.textContent = last
      ? `${t('Not taken.')} ${attempt(last)}`
      : t('It was not sent yet. It is in the list of deliveries and is sent as soon as possible.');
  }
  if (!slot(item, 'log').hidden) await showLog(item, hook);
}

/**
 * @param {HTMLElement} item
 * @param {Webhook} hook
 */
async function toggleLog(item, hook) {
  const log = slot(item, 'log');
  log.hidden = !log.hidden;
  action(item, 'log').setAttribute('aria-expanded', String(!log.hidden));
  if (!log.hidden) await showLog(item, hook);
}

/**
 * @param {HTMLElement} item
 * @param {Webhook} hook
 * @param {string} [before]  the last one shown; without it from the newest
 */
async function showLog(item, hook, before) {
  const page = await telling.deliveries(hook.id, before);
  const place = slot(item, 'deliveries');
  const rows = page.deliveries.map((each) => deliveryRow(item, hook, each));
  if (before) place.append(...rows);
  else place.replaceChildren(...rows);
  if (!place.childElementCount) place.textContent = t('Nothing was sent yet.');
  slot(item, 'log').dataset['next'] = page.next;
  action(item, 'more').hidden = !page.next;
}

/**
 * @param {HTMLElement} item
 * @param {Webhook} hook
 * @param {Delivery} sent
 */
function deliveryRow(item, hook, sent) {
  const line = one(fromTemplate('delivery-row'), 'li');
  const [word, tone] = STATES[sent.state];
  slot(line, 'kind').textContent = sent.kind;
  const when = moment(sent.created_at);
  slot(line, 'when').textContent = sent.is_redelivery ? t('{when}, again', { when }) : when;
  slot(line, 'state').textContent = word ? t(word) : '';
  if (tone) slot(line, 'state').classList.add(tone);
  slot(line, 'tries').textContent = tries(sent);
  action(line, 'again').hidden = !hook.is_active || sent.state === 'waiting';
  action(line, 'again').addEventListener('click', async () => {
    try {
      await telling.sendAgain(hook.id, sent.id);
      toast(t('It is being sent again'));
      await showLog(item, hook);
    } catch (error) {
      problem.show(slot(item, 'problem'), error);
    }
  });
  return line;
}

/** @param {Delivery} sent */
function tries(sent) {
  const last = sent.log.at(-1);
  if (!last) return sent.state === 'waiting' ? t('Waits for its turn.') : '';
  const tried = many(sent.attempts, '1 try.', '{count} tries.');
  const next = sent.due_at ? (Date.parse(sent.due_at) - Date.now()) / 1000 : 0;
  const later = next > 0 ? t('Next in {time}.', { time: duration(next) }) : '';
  return `${tried} ${attempt(last)} ${later}`.trimEnd();
}

/** @param {import('../net/telling.js').Attempt} last */
function attempt(last) {
  const { status, ms, error } = last;
  const answered = status === null ? '' : t('Answered {status} in {ms} ms.', { status, ms });
  return `${answered} ${error}`.trim();
}

/**
 * @param {HTMLElement} item
 * @param {Webhook} hook
 */
function askDelete(item, hook) {
  const dialog = open('hook-delete');
  slot(dialog, 'url').textContent = hook.url;
  action(dialog, 'delete').addEventListener('click', async () => {
    dialog.close();
    try {
      await telling.removeWebhook(hook.id);
      await list();
      toast(t('Webhook deleted'));
    } catch (error) {
      problem.show(slot(item, 'problem'), error);
    }
  });
}
