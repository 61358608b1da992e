/**
 * Fetches what is needed to check a link against a file, and checks it.
 * @module
 */
import { KimError } from '../crypto/errors.js';
import { prove } from '../io/unlocking.js';
import { ranges } from '../net/buyer.js';
import { read, turned } from '../net/bytes.js';
import { mark } from '../texts/say.js';

/** @import { Bytes } from '../crypto/bytes.js' */
/** @import { Proven } from '../io/unlocking.js' */
/** @import { Offer } from '../net/buyer.js' */

/**
 * @typedef {object} Stored
 * @property {Awaited<ReturnType<typeof ranges>>} places
 * @property {Promise<Bytes[]>} first  head and index of the first copy
 */

/**
 * Head and index on their way; can be begun before it is known what is sold.
 * @param {string} fileId
 * @param {string} [contentId]  of an older version; else of what is on sale
 * @returns {Promise<Stored>}
 */
export async function fetchStored(fileId, contentId = '') {
  const places = await ranges(fileId, contentId);
  const first = readTurn(places, 0);
  first.catch(() => undefined);
  return { places, first };
}

/**
 * @param {Stored['places']} places
 * @param {number} turn  which copy
 */
function readTurn({ header, index }, turn) {
  return Promise.all([header, index].map((each) => read(turned(each, turn))));
}

/**
 * @param {Offer} offer
 * @param {Bytes} link  L
 * @param {Promise<Stored>} [stored]  of this very file
 * @returns {Promise<Proven>}
 */
export async function proveOffer(offer, link, stored = fetchStored(offer.id, offer.content_id)) {
  const { places, first } = await stored;
  const copies = 1 + (places.index.others?.length ?? 0);
  for (let turn = 0; ; turn += 1) {
    const [head, rows] = await (turn ? readTurn(places, turn) : first);
    try {
      return await prove(
        { head: /** @type {Bytes} */ (head), index: /** @type {Bytes} */ (rows) },
        offer,
        link,
      );
    } catch (error) {
      // A copy may have rotted where the store does not notice: only what all say is believed.
      if (!(error instanceof KimError) || turn + 1 >= copies) throw error;
    }
  }
}

/**
 * What went wrong with a link, for somebody who has only been sent it.
 * @param {unknown} error
 * @param {'share' | 'return'} kind
 * @param {boolean} [hasNewLink]  the seller replaced the link of this file before
 * @returns {unknown} the same, or plainer
 */
export function plainly(error, kind, hasNewLink = false) {
  const code = error instanceof Error && 'code' in error ? error.code : '';
  if (code === 'wrong_key' && hasNewLink) {
    return told(
      mark('This link was replaced.'),
      mark(
        'The seller made a new link for this file: ask them for it. Nothing was ordered or lost. If you bought the file before, open your return link; it goes on working.',
      ),
    );
  }
  if (code === 'link_malformed') {
    return told(
      mark('This link is not complete.'),
      kind === 'share'
        ? mark(
            'The part behind the # is half of the key, and some apps cut it off. Copy the whole link again, or ask whoever sent it to you to send it once more.',
          )
        : mark(
            'The part behind the # proves that the purchase is yours. Open the link as you saved it, to its last letter, or open it in the browser you bought with.',
          ),
    );
  }
  if (code === 'wrong_key') {
    return told(
      mark('This link does not belong to this file.'),
      mark(
        'A letter behind the # was changed, or it was copied from another link. Copy the whole link again. Nothing was ordered or lost.',
      ),
    );
  }
  if (code === 'purchase_unknown' || code === 'claim_missing') {
    return told(
      mark('This return link does not belong to a purchase here.'),
      mark(
        'Check that it is whole, and that it is the link of this site. If you have the licence file, it opens the file without us.',
      ),
    );
  }
  return error;
}

/**
 * @param {string} message
 * @param {string} hint
 */
function told(message, hint) {
  return Object.assign(new Error(message), { hint });
}
