/**
 * "I bought this before and lost it": a new claim that costs nothing and opens nothing before the
 * creator says yes. What it needs comes when it is wanted.
 * @module
 */
import { KimError } from '../crypto/errors.js';
import { parseShareFragment } from '../crypto/links.js';
import * as buyer from '../net/buyer.js';
import { action, byId } from '../ui/dom.js';
import * as problem from '../ui/problem.js';
import { plainly, proveOffer } from './proof.js';

/** @import { Bytes } from '../crypto/bytes.js' */

const root = byId('lost');
const place = byId('lost-problem');
const button = action(root, 'ask-again');

/**
 * With a link that opens nothing, a yes would open nothing either. What cannot be looked at now, as
 * of a removed file, is no reason to refuse.
 * @param {Bytes} link  L
 */
async function checkLink(link) {
  try {
    await proveOffer(await buyer.offer(root.dataset['file'] ?? ''), link);
  } catch (error) {
    if (error instanceof KimError) throw error;
  }
}

button.addEventListener('click', async () => {
  if (button.disabled) return;
  button.disabled = true;
  problem.hide(place);
  try {
    const link = parseShareFragment(location.hash);
    await checkLink(link);
    const { order } = await import('./ordering.js');
    location.assign(await order(root.dataset['file'] ?? '', link, { ask: buyer.askAgain }));
  } catch (error) {
    problem.show(place, plainly(error, 'share'));
    button.disabled = false;
  }
});
addEventListener('pageshow', () => (button.disabled = false));
