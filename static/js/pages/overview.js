/**
 * The top of the dashboard: what needs the creator now, what was earned, and when.
 * @module
 */
import { chartIn } from '../ui/chart.js';
import { byId, make, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import { mark, t } from '../texts/say.js';

/**
 * @import { Dashboard, Need } from '../net/dashboard.js'
 * @import { Step } from '../net/sales.js'
 */

const draw = chartIn(/** @type {SVGSVGElement} */ (/** @type {unknown} */ (byId('bars'))));

/** @param {Need[]} needs  in the order they come */
export function showNeeds(needs) {
  const list = byId('needs-list');
  for (const line of list.children) /** @type {HTMLElement} */ (line).hidden = true;
  for (const { kind, count, due_at: dueAt } of needs) {
    const line = list.querySelector(`[data-need="${kind}"]`);
    if (!(line instanceof HTMLElement)) continue;
    const number = line.querySelector('[data-slot="count"]');
    if (number) number.textContent = String(count);
    const when = line.querySelector('[data-slot="due"]');
    if (when && dueAt) when.textContent = format.moment(dueAt);
    line.hidden = false;
    list.append(line);
  }
  byId('needs').hidden = needs.length === 0;
}

/** @param {Dashboard} found */
export function showEarned({ total, given, bars, step }) {
  const totals = byId('totals');
  slot(totals, 'count').textContent = String(total.count);
  slot(totals, 'given').textContent = String(given);
  slot(totals, 'given-cell').hidden = given === 0;
  slot(totals, 'income').textContent = format.coins(total.income_sat);
  const worth = total.worth.map((each) => make('span', { text: format.price(each) }));
  slot(totals, 'worth').replaceChildren(...worth);
  slot(totals, 'worth-cell').hidden = worth.length === 0;
  byId('earned').hidden = total.count + given === 0;
  byId('chart').hidden = bars.length === 0;
  draw(
    bars.map((bar) => ({
      name: format.bar(bar.start, step),
      value: bar.takings.income_sat,
      said: format.coins(bar.takings.income_sat),
    })),
  );
  byId('chart-name').textContent = t(STEPS[step]);
}

/** @type {Record<Step, string>} */
const STEPS = {
  day: mark('Earned each day'),
  week: mark('Earned each week'),
  month: mark('Earned each month'),
};
