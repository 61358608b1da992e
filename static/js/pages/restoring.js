/**
 * A purchase that the server has lost, as after a restored backup: its signed order ticket, kept in
 * this browser, brings it back.
 * @module
 */
import * as remembered from '../io/buyer.js';
import { ApiError } from '../net/api.js';
import * as buyer from '../net/buyer.js';

/** @import { Purchase } from '../net/buyer.js' */

/**
 * @param {string} purchaseId
 * @param {string} claim
 * @returns {Promise<Purchase>} as it stands, made again where it was lost
 */
export async function restored(purchaseId, claim) {
  try {
    return await buyer.purchase(purchaseId, claim);
  } catch (error) {
    const isLost = error instanceof ApiError && error.code === 'purchase_unknown';
    const ticket = isLost ? (await remembered.purchase(purchaseId))?.ticket : null;
    if (!ticket) throw error;
    try {
      return await buyer.restore(ticket, claim);
    } catch (refused) {
      // A ticket of this address, but not of this link: then the link is what is wrong.
      throw refused instanceof ApiError && refused.code === 'ticket_foreign' ? error : refused;
    }
  }
}
