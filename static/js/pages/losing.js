/**
 * "I bought this before and lost it": a new claim that costs nothing and opens nothing before the
 * creator says yes. What it needs comes when it is wanted.
 * @module
 */
import { parseShareFragment } from '../crypto/links.js';
import * as buyer from '../net/buyer.js';
import { action, byId } from '../ui/dom.js';
import * as problem from '../ui/problem.js';
import { plainly } from './proof.js';

const root = byId('lost');
const place = byId('lost-problem');
const button = action(root, 'ask-again');

button.addEventListener('click', async () => {
  if (button.disabled) return;
  button.disabled = true;
  problem.hide(place);
  try {
    const link = parseShareFragment(location.hash);
    const { order } = await import('./ordering.js');
    location.assign(await order(root.dataset['file'] ?? '', link, { ask: buyer.askAgain }));
  } catch (error) {
    problem.show(place, plainly(error, 'share'));
    button.disabled = false;
  }
});
addEventListener('pageshow', () => (button.disabled = false));
