/**
 * On the offer page: the button that opens the sample, and the spot check that anybody can repeat.
 * What they need is loaded when they are pressed; most people press only one, or none.
 * @module
 */
import { auditCount, auditSegments, parseEntries } from '../crypto/showing.js';
import { fromBase64url } from '../crypto/bytes.js';
import { action, slot } from '../ui/dom.js';
import * as problem from '../ui/problem.js';

/**
 * @import { Proven } from '../io/unlocking.js'
 * @import { Offer } from '../net/buyer.js'
 */

const WORDS = {
  video: 'Watch a piece of it',
  audio: 'Listen to a piece of it',
  image: 'See a piece of it',
  text: 'Read a piece of it',
};

/**
 * @param {HTMLElement} root
 * @param {Offer} offer
 * @param {Proven} proven
 */
export function offerLook(root, offer, proven) {
  const { sample } = offer;
  if (!sample || proven.header.isBundle) return;
  const button = action(root, 'sample');
  const said = slot(root, 'sample-said');
  button.textContent = WORDS[sample.kind];
  slot(root, 'sampling').hidden = false;
  /** @type {(() => void) | null} */
  let close = null;
  const cover = root.querySelector('.cover');
  const setOpen = (/** @type {boolean} */ isOpen) => {
    button.textContent = isOpen ? 'Close' : WORDS[sample.kind];
    cover?.toggleAttribute('hidden', isOpen);
  };
  button.onclick = async () => {
    problem.hide(slot(root, 'sample-problem'));
    if (close) {
      close();
      close = null;
      setOpen(false);
      said.hidden = true;
      return;
    }
    button.disabled = true;
    button.setAttribute('aria-busy', 'true');
    try {
      const { look } = await import('./sample.js');
      close = await look(offer, proven, {
        place: slot(root, 'sample-showing'),
        say: (words) => {
          said.textContent = words;
          said.hidden = !words;
        },
        fail: (error) => {
          close = null;
          setOpen(false);
          said.hidden = true;
          problem.show(slot(root, 'sample-problem'), error);
        },
      });
      setOpen(true);
    } catch (error) {
      problem.show(slot(root, 'sample-problem'), error);
    }
    button.disabled = false;
    button.removeAttribute('aria-busy');
  };
}

/**
 * @param {HTMLElement} root
 * @param {Offer} offer
 * @param {Proven} proven
 */
export function showAudit(root, offer, { header, contentId, rows }) {
  const { audit } = offer;
  const said = slot(root, 'audit-said');
  const button = action(root, 'audit');
  const count = auditCount(header.segmentCount);
  button.hidden = !audit || count === 0;
  if (count === 0) {
    said.textContent = 'None: files of less than 50 MB have none.';
    return;
  }
  if (!audit) {
    said.textContent = 'None: it was published before there were spot checks.';
    return;
  }
  const total = header.segmentCount.toLocaleString();
  said.textContent = `${count} of ${total} pieces, drawn by the server, were opened.`;
  button.onclick = async () => {
    button.disabled = true;
    said.textContent = 'Fetching and opening them here…';
    try {
      const { recheck } = await import('./recheck.js');
      const nonce = fromBase64url(audit.nonce);
      const drawn = auditSegments(contentId, nonce, header.segmentCount, count);
      await recheck(offer.id, {
        header,
        rows,
        drawn,
        keys: parseEntries(fromBase64url(audit.entries)),
      });
      said.textContent = `${count} of ${total} pieces, drawn by the server, were opened again, here in your browser.`;
      button.hidden = true;
    } catch (error) {
      const { message, hint } = problem.said(error);
      said.textContent = `The spot check failed: ${message} ${hint}`;
      button.disabled = false;
    }
  };
}
