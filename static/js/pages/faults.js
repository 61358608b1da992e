/**
 * What became of copies, told to the person and to the server: a copy that is silent is passed over,
 * one that serves other bytes is skipped, and the server looks at both.
 * @module
 */
import * as buyer from '../net/buyer.js';
import { mark, t } from '../texts/say.js';

/** @import { Fault } from '../net/copies.js' */

const SAID = {
  altered: mark(
    'The copy at {host} served other bytes than were sold; it was skipped, and nothing of them is kept.',
  ),
  silent: mark('The copy at {host} does not answer as it should; another copy is used.'),
};

/**
 * @param {HTMLElement} place  hidden until there is something to say
 * @param {string} purchaseId
 * @param {string} claim
 * @returns {(fault: Fault) => void}
 */
export function tellInto(place, purchaseId, claim) {
  return ({ copy, host, kind, offset }) => {
    const line = document.createElement('p');
    line.textContent = t(SAID[kind], { host });
    line.dataset['kind'] = kind;
    place.append(line);
    place.hidden = false;
    // Whether it is heard changes nothing here.
    buyer.complain(purchaseId, claim, { copy, offset }).catch(() => undefined);
  };
}
