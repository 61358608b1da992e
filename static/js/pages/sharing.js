/**
 * Passing the link on, whole, by the visitor's own act: the system's share sheet where there is one,
 * else it is copied. A discount code in the link is its holder's and does not go along.
 * @module
 */
import { shareLink } from '../crypto/links.js';
import { t } from '../texts/say.js';
import { copy } from '../ui/copy.js';

/** @import { Bytes } from '../crypto/bytes.js' */

/**
 * @param {{id: string, title: string}} offer
 * @param {Bytes} link  L
 */
export async function share({ id, title }, link) {
  const url = shareLink(location.origin, id, link);
  if (!navigator.share) return copy(url, t('Link copied'));
  // Closing the share sheet rejects the promise; nothing has to happen then.
  await navigator.share({ url, title }).catch(() => undefined);
}
