/**
 * On the offer page: the button that opens the sample, and the spot check that anybody can repeat.
 * What they need is loaded when they are pressed; most people press only one, or none.
 * @module
 */
import { auditCount, auditSegments, parseEntries } from '../crypto/showing.js';
import { fromBase64url } from '../crypto/bytes.js';
import { learnRest, t } from '../texts/say.js';
import { action, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import * as problem from '../ui/problem.js';

/**
 * @import { Proven } from '../io/unlocking.js'
 * @import { Offer } from '../net/buyer.js'
 */

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
  button.textContent = wordsOf(sample.kind);
  slot(root, 'sampling').hidden = false;
  /** @type {(() => void) | null} */
  let close = null;
  const cover = root.querySelector('.cover');
  const setOpen = (/** @type {boolean} */ isOpen) => {
    button.textContent = isOpen ? t('Close') : wordsOf(sample.kind);
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
      const [{ look }] = await Promise.all([import('./sample.js'), learnRest()]);
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

/** @param {NonNullable<Offer['sample']>['kind']} kind */
function wordsOf(kind) {
  return {
    video: t('Watch a piece of it'),
    audio: t('Listen to a piece of it'),
    image: t('See a piece of it'),
    text: t('Read a piece of it'),
  }[kind];
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
    said.textContent = t('None: files of less than 50 MB have none.');
    return;
  }
  if (!audit) {
    said.textContent = t('None: it was published before there were spot checks.');
    return;
  }
  const facts = { count, total: format.number(header.segmentCount) };
  said.textContent = t('{count} of {total} pieces, drawn by the server, were opened.', facts);
  button.onclick = async () => {
    button.disabled = true;
    said.textContent = t('Fetching and opening them here…');
    try {
      const [{ recheck }] = await Promise.all([import('./recheck.js'), learnRest()]);
      const nonce = fromBase64url(audit.nonce);
      const drawn = auditSegments(contentId, nonce, header.segmentCount, count);
      await recheck(offer.id, {
        header,
        rows,
        drawn,
        keys: parseEntries(fromBase64url(audit.entries)),
      });
      said.textContent = t(
        '{count} of {total} pieces, drawn by the server, were opened again, here in your browser.',
        facts,
      );
      button.hidden = true;
    } catch (error) {
      const { message, hint } = problem.said(error);
      said.textContent = t('The spot check failed: {message} {hint}', { message, hint });
      button.disabled = false;
    }
  };
}
