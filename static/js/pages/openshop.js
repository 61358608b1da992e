/**
 * Where a sealed file is sold, for somebody who has it and no key: here, with what is missing to buy
 * it; or elsewhere, as text and a link that only a person follows.
 * @module
 */
import { shareLink } from '../crypto/links.js';
import * as api from '../net/api.js';
import { t } from '../texts/say.js';
import { make, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';

/**
 * @import { Link } from './openkeys.js'
 * @import { Offer } from '../net/buyer.js'
 */

/**
 * @param {string} contentId  hex; all that is sent
 * @returns {Promise<Offer | null>} null if it was never for sale here
 */
export async function offerHere(contentId) {
  try {
    return await api.get(`contents/${contentId}/`, { withSession: false });
  } catch (error) {
    if (error instanceof api.ApiError && error.status === 404) return null;
    throw error;
  }
}

/**
 * @param {string | null} hint  what the file says of its shop; anybody could have written it
 * @returns {URL | null} if it is another site than this
 */
export function foreignShop(hint) {
  try {
    const url = new URL(hint ?? '');
    return /^https?:$/.test(url.protocol) && url.origin !== location.origin ? url : null;
  } catch {
    return null;
  }
}

/**
 * @param {HTMLElement} place
 * @param {Offer} offer
 * @param {Link | null} link  once it was given, and opened the file's description
 */
export function showOffer(place, offer, link) {
  const isSold = offer.state === 'published';
  slot(place, 'shop-said').textContent = isSold
    ? t('This site sells it.')
    : t('It was sold here, but is not for sale at the moment.');
  slot(place, 'offer-title').textContent = offer.title;
  slot(place, 'offer-by').textContent =
    `${offer.creator.username} · ${format.bytes(offer.payload_bytes)}`;
  slot(place, 'offer-price').textContent = isSold ? format.price(offer.price) : '';
  slot(place, 'offer').hidden = false;
  slot(place, 'need-link').hidden = !isSold || link !== null;
  slot(place, 'buying').replaceChildren();
  if (isSold && link) {
    const buy = make('a', {
      class: 'primary wide',
      text: t('Buy for {price}', { price: format.price(offer.price) }),
    });
    buy.dataset['testid'] = 'open-buy';
    buy.setAttribute('href', shareLink(location.origin, offer.id, link.link));
    slot(place, 'buying').append(buy);
  }
  place.hidden = false;
}

/**
 * @param {HTMLElement} place
 * @param {URL} url
 * @param {string} said  who says so
 */
export function showElsewhere(place, url, said) {
  slot(place, 'shop-said').textContent = said;
  const host = make('bdi', { class: 'mono', text: url.host });
  const go = make('a', { class: 'plain wide', text: t('Go to {host}', { host: url.host }) });
  go.dataset['testid'] = 'open-elsewhere';
  go.setAttribute('href', url.href);
  go.setAttribute('target', '_blank');
  go.setAttribute('rel', 'noopener noreferrer');
  const caution = make('p', {
    class: 'soft small',
    text: t(
      'Nothing was asked of that site. Anybody could have written this address into the file: look at it before you press.',
    ),
  });
  slot(place, 'offer').hidden = true;
  slot(place, 'need-link').hidden = true;
  slot(place, 'buying').replaceChildren(make('p', { class: 'shop' }, host), caution, go);
  place.hidden = false;
}

/**
 * @param {HTMLElement} place
 * @param {string} said
 */
export function showNowhere(place, said) {
  slot(place, 'shop-said').textContent = said;
  slot(place, 'offer').hidden = true;
  slot(place, 'need-link').hidden = true;
  slot(place, 'buying').replaceChildren();
  place.hidden = false;
}
