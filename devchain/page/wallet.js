/**
 * The devchain wallet for people: pays, mines, shows what happened.
 *
 * @typedef {{ txid: string, address: string, amount_sat: number, height: number }} Payment
 * @typedef {{
 *   height: number, balance_sat: number, address: string, mempool: unknown[],
 *   recent: Payment[], automine_seconds: number | null,
 * }} State
 */

const POLL_MS = 2000;

/**
 * @template {HTMLElement} T
 * @param {string} id
 * @param {new () => T} type
 * @returns {T}
 */
function find(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`#${id} is missing`);
  return found;
}

const form = find('pay', HTMLFormElement);
const uri = find('uri', HTMLInputElement);
const automine = find('automine', HTMLInputElement);
const recent = find('recent', HTMLUListElement);
const row = find('payment', HTMLTemplateElement);

/**
 * @param {string} path
 * @param {object} [body] posted as JSON; without it the path is read
 * @returns {Promise<any>}
 */
async function call(path, body) {
  const post = {
    method: 'POST',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
  };
  const response = await fetch(path, body === undefined ? {} : post);
  const answer = await response.json();
  if (!response.ok) {
    const { message, hint } = answer.error;
    throw new Error([message, hint].map((part) => part.replace(/\.?$/, '.')).join(' '));
  }
  return answer;
}

/**
 * Exact decimals of BCH; no floating point near money.
 *
 * @param {number} amountSat
 */
function formatBch(amountSat) {
  const digits = String(amountSat).padStart(9, '0');
  return `${digits.slice(0, -8)}.${digits.slice(-8)}`;
}

/**
 * @param {string} message
 * @param {{ txid?: string, isWrong?: boolean }} [more]
 */
function tell(message, { txid = '', isWrong = false } = {}) {
  find('message', HTMLSpanElement).textContent = message;
  find('txid', HTMLElement).textContent = txid;
  const status = find('status', HTMLParagraphElement);
  status.classList.toggle('wrong', isWrong);
  status.hidden = false;
}

/** @param {State} state */
function show(state) {
  find('balance', HTMLElement).textContent = formatBch(state.balance_sat);
  find('height', HTMLElement).textContent = String(state.height);
  find('waiting', HTMLElement).textContent = String(state.mempool.length);
  find('address', HTMLElement).textContent = state.address;
  automine.checked = state.automine_seconds !== null;
  if (state.automine_seconds !== null) {
    find('seconds', HTMLSpanElement).textContent = String(state.automine_seconds);
  }
  recent.replaceChildren(...state.recent.map(showPayment));
  find('none', HTMLParagraphElement).hidden = state.recent.length > 0;
}

/**
 * @param {Payment} payment
 * @returns {Node}
 */
function showPayment(payment) {
  const item = /** @type {DocumentFragment} */ (row.content.cloneNode(true));
  const place = payment.height > 0 ? `in block ${payment.height}` : 'waiting for a block';
  const texts = {
    '.amount': `${formatBch(payment.amount_sat)} BCH`,
    '.place': place,
    '.id': payment.txid,
  };
  for (const [selector, text] of Object.entries(texts)) {
    const part = item.querySelector(selector);
    if (part) part.textContent = text;
  }
  return item;
}

async function refresh() {
  try {
    show(await call('/api/state'));
  } catch {
    tell('The devchain does not answer. Is it running?', { isWrong: true });
  }
}

/**
 * Runs a verb, tells its error in words, and shows the new state.
 *
 * @param {() => Promise<void>} verb
 */
async function attempt(verb) {
  try {
    await verb();
  } catch (problem) {
    tell(problem instanceof Error ? problem.message : String(problem), { isWrong: true });
  }
  await refresh();
}

form.addEventListener('submit', (event) => {
  event.preventDefault();
  const button = form.querySelector('button');
  if (!button || button.disabled) return;
  button.disabled = true; // a double click pays once
  attempt(async () => {
    const { txid } = await call('/api/pay', { uri: uri.value });
    tell('Paid. Transaction:', { txid });
    uri.value = '';
  }).finally(() => {
    button.disabled = false;
  });
});

find('mine', HTMLButtonElement).addEventListener('click', () =>
  attempt(async () => {
    const { height } = await call('/api/mine', { blocks: 1 });
    tell(`Mined block ${height}.`);
  }),
);

automine.addEventListener('change', () =>
  attempt(async () => {
    await call('/api/automine', { on: automine.checked });
  }),
);

find('copy', HTMLButtonElement).addEventListener('click', () =>
  attempt(async () => {
    await navigator.clipboard.writeText(find('address', HTMLElement).textContent ?? '');
    tell('Address copied.');
  }),
);

setInterval(() => {
  if (!document.hidden) refresh();
}, POLL_MS);
refresh();
