/**
 * The creator's sales: totals, a chart, the list with its filters, and the files for the books.
 * @module
 */
import * as creator from '../net/creator.js';
import * as sales from '../net/sales.js';
import { chartIn } from '../ui/chart.js';
import { action, byId, make, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import * as problem from '../ui/problem.js';
import { rowOf } from '../ui/sale.js';
import { many, mark, t } from '../texts/say.js';

/** @import { Summary, Takings } from '../net/sales.js' */

const TYPING_MS = 300;
const ZONE = Intl.DateTimeFormat().resolvedOptions().timeZone || 'UTC';
const STEPS = { day: mark('Day'), week: mark('Week from'), month: mark('Month') };
const BY = { day: mark('By day'), week: mark('By week'), month: mark('By month') };
const BARS = {
  day: mark('Bars by day from {first} to {last}. The table below has the numbers.'),
  week: mark('Bars by week from {first} to {last}. The table below has the numbers.'),
  month: mark('Bars by month from {first} to {last}. The table below has the numbers.'),
};
const COUNT = 'count';
const COINS = 'BCH';

const form = byId('filters');
const period = byId('period', HTMLSelectElement);
const status = byId('status', HTMLSelectElement);
const file = byId('file', HTMLSelectElement);
const from = byId('from', HTMLInputElement);
const to = byId('to', HTMLInputElement);
const text = byId('text', HTMLInputElement);
const measure = byId('measure', HTMLSelectElement);
const list = byId('sales');
const moneyCame = status.value;
const draw = chartIn(/** @type {SVGSVGElement} */ (/** @type {unknown} */ (byId('bars'))));

let next = '';
/** @type {Summary | null} */
let summary = null;
let asking = new AbortController();

/** @returns {[Date | null, Date | null]} from, and up to but without */
function span() {
  const today = new Date();
  const [year, month, day] = [today.getFullYear(), today.getMonth(), today.getDate()];
  switch (period.value) {
    case '30':
      return [new Date(year, month, day - 29), null];
    case 'month':
      return [new Date(year, month, 1), null];
    case 'last-month':
      return [new Date(year, month - 1, 1), new Date(year, month, 1)];
    case 'year':
      return [new Date(year, 0, 1), null];
    case 'last-year':
      return [new Date(year - 1, 0, 1), new Date(year, 0, 1)];
    case 'dates':
      return [midnight(from.value, 0), midnight(to.value, 1)];
    default:
      return [null, null];
  }
}

/**
 * @param {string} date  of an input, or empty
 * @param {number} later  days
 */
function midnight(date, later) {
  const [year, month, day] = date.split('-').map(Number);
  return year && month && day ? new Date(year, month - 1, day + later) : null;
}

/** What the totals and the chart are of. */
function scope() {
  const query = new URLSearchParams();
  const [since, until] = span();
  if (since) query.set('since', since.toISOString());
  if (until) query.set('until', until.toISOString());
  if (file.value) query.set('file', file.value);
  return query;
}

/** What the list and the files for the books are of. */
function wanted() {
  const all = scope();
  for (const [name, value] of new URLSearchParams(status.value)) all.append(name, value);
  if (text.value.trim()) all.set('q', text.value.trim());
  return all;
}

function isNarrowed() {
  return wanted().toString() !== new URLSearchParams(moneyCame).toString();
}

async function load() {
  asking.abort();
  asking = new AbortController();
  const { signal } = asking;
  problem.hide(byId('problem'));
  byId('said').hidden = false;
  byId('said').textContent = t('Loading…');
  try {
    const totals = scope();
    totals.set('tz', ZONE);
    const [found, sums] = await Promise.all([
      sales.list(wanted(), signal),
      sales.summary(totals, signal),
    ]);
    summary = sums;
    showSummary(sums);
    list.replaceChildren();
    append(found);
    showWhatIsThere();
  } catch (error) {
    if (signal.aborted) return;
    byId('said').hidden = true;
    problem.show(byId('problem'), error, { retry: () => void load() });
  }
}

async function more() {
  const button = action(byId('more'), 'more');
  const { signal } = asking;
  button.disabled = true;
  try {
    const following = wanted();
    following.set('cursor', next);
    append(await sales.list(following, signal));
    byId('more').hidden = next === '';
  } catch (error) {
    if (!signal.aborted) problem.show(byId('problem'), error);
  } finally {
    button.disabled = false;
  }
}

/** @param {{sales: import('../net/sales.js').Sale[], next: string}} page */
function append(page) {
  next = page.next;
  list.append(...page.sales.map((sale) => rowOf(sale, sales.evidenceUrl(sale.purchase))));
}

function showWhatIsThere() {
  const hasSales = list.childElementCount > 0;
  const isEmpty = !hasSales && !isNarrowed();
  form.hidden = isEmpty;
  byId('none').hidden = hasSales || isEmpty;
  byId('empty').hidden = !isEmpty;
  byId('more').hidden = next === '';
  byId('save').hidden = !hasSales;
  byId('said').hidden = !hasSales;
  const values = { count: list.childElementCount };
  byId('said').textContent = next ? t('{count} or more shown', values) : t('{count} shown', values);
  byId('said').className = 'out';
  byId('save-csv', HTMLAnchorElement).href = sales.exportUrl(wanted(), 'csv');
  byId('save-json', HTMLAnchorElement).href = sales.exportUrl(wanted(), 'json');
}

/** @param {Summary} sums */
function showSummary(sums) {
  const totals = byId('totals');
  slot(totals, 'count').textContent = String(sums.total.count);
  slot(totals, 'income').textContent = format.coins(sums.total.income_sat);
  const worth = sums.total.worth.map((each) => make('span', { text: format.price(each) }));
  slot(totals, 'worth').replaceChildren(...worth);
  slot(totals, 'worth-cell').hidden = worth.length === 0;
  totals.hidden = sums.total.count === 0;
  const asides = asidesOf(sums);
  byId('asides').textContent = asides;
  byId('asides').hidden = asides === '';
  byId('chart').hidden = sums.total.count === 0;
  const currencies = sums.total.worth.map((each) => each.currency);
  const measures = [COINS, ...currencies, COUNT];
  const kept = measures.includes(measure.value) ? measure.value : COINS;
  measure.replaceChildren(...measures.map(optionOf));
  measure.value = kept;
  showChart();
}

/** @param {Summary} sums */
function asidesOf(sums) {
  const asides = [];
  const { waiting, refunds_due: due, refunded_sat: refunded, free, reversed, total } = sums;
  if (waiting > 0) asides.push(waitingWords(waiting));
  if (due > 0) asides.push(t('{count} with a refund due.', { count: due }));
  if (refunded > 0) asides.push(t('{amount} refunded.', { amount: format.coins(refunded) }));
  if (free > 0) asides.push(t('{count} taken for free.', { count: free }));
  if (reversed > 0) asides.push(t('{count} reversed, not counted.', { count: reversed }));
  if (total.unpriced > 0 && total.worth.length > 0) {
    const values = { count: total.unpriced };
    asides.push(t('{count} sold for BCH, without a price in other money.', values));
  }
  return asides.join(' ');
}

/** @param {number} count */
function waitingWords(count) {
  return many(
    count,
    '{count} waiting for a block or the rest.',
    '{count} waiting for a block or the rest.',
  );
}

/** @param {string} name */
function optionOf(name) {
  const option = document.createElement('option');
  option.value = name;
  option.textContent = name === COUNT ? t('Number of sales') : name;
  return option;
}

/**
 * @param {Takings} takings
 * @returns {{value: number, said: string}}
 */
function valueOf(takings) {
  if (measure.value === COUNT) {
    return { value: takings.count, said: t('{count} sold', { count: takings.count }) };
  }
  if (measure.value === COINS) {
    return { value: takings.income_sat, said: format.coins(takings.income_sat) };
  }
  const worth = takings.worth.find((each) => each.currency === measure.value);
  return { value: Number(worth?.amount ?? 0), said: worth ? format.price(worth) : '0' };
}

function showChart() {
  if (!summary || summary.bars.length === 0) return;
  const { step, bars } = summary;
  const points = bars.map((bar) => ({
    name: format.bar(bar.start, step),
    ...valueOf(bar.takings),
  }));
  draw(points);
  byId('chart-name').textContent = t(BY[step]);
  const [first, last] = [points[0], points[points.length - 1]];
  const ends = { first: first?.name ?? '', last: last?.name ?? '' };
  byId('chart-said').textContent = t(BARS[step], ends);
  byId('table-step').textContent = t(STEPS[step]);
  byId('table-rows').replaceChildren(
    ...bars.map((bar) =>
      make(
        'tr',
        {},
        make('td', { text: format.bar(bar.start, step) }),
        make('td', { text: String(bar.takings.count) }),
        make('td', { text: format.coins(bar.takings.income_sat) }),
        make('td', { text: bar.takings.worth.map(format.price).join(', ') || '–' }),
      ),
    ),
  );
}

/** @type {ReturnType<typeof setTimeout>} */
let typing;
form.addEventListener('submit', (event) => event.preventDefault());
form.addEventListener('change', (event) => {
  byId('dates').hidden = period.value !== 'dates';
  if (event.target !== text) void load();
});
text.addEventListener('input', () => {
  clearTimeout(typing);
  typing = setTimeout(() => void load(), TYPING_MS);
});
measure.addEventListener('change', showChart);
action(byId('more'), 'more').addEventListener('click', () => void more());
for (const place of ['none', 'empty']) {
  action(byId(place), 'all').addEventListener('click', () => {
    /** @type {HTMLFormElement} */ (form).reset();
    status.value = '';
    byId('dates').hidden = true;
    void load();
  });
}

/** The files to choose from; the list works without them. */
async function loadFiles() {
  const { files } = await creator.files();
  const sold = files.filter((each) => each.state !== 'draft');
  file.append(
    ...sold.map((each) => {
      const option = document.createElement('option');
      option.value = each.id;
      option.textContent = each.title;
      return option;
    }),
  );
}

await Promise.all([load(), loadFiles().catch(() => undefined)]);
