/**
 * Any sealed file, opened, explained or led to its shop: what is dropped here is read here. Whoever
 * has the file and its licence needs no server.
 * @module
 */
import { toHex } from '../crypto/bytes.js';
import { KimError, LicenceMalformed, WrongKey } from '../crypto/errors.js';
import { parseLicence } from '../crypto/files.js';
import { licences } from '../io/buyer.js';
import { isSealed, lookAt, reads } from '../io/found.js';
import { sweep } from '../io/halves.js';
import { probe } from '../io/probe.js';
import { safeName } from '../io/unlocking.js';
import { mark, t } from '../texts/say.js';
import { copies } from '../ui/copy.js';
import { action, byId, make, slot } from '../ui/dom.js';
import { receiveFiles } from '../ui/drop.js';
import * as format from '../ui/format.js';
import * as problem from '../ui/problem.js';
import { spawn } from '../ui/trusted.js';
import { arrive } from './arrive.js';
import * as keys from './openkeys.js';
import * as shop from './openshop.js';
import { Saving } from './saving.js';

/**
 * @import { Licence } from '../crypto/files.js'
 * @import { Meta } from '../crypto/meta.js'
 * @import { Found } from '../io/found.js'
 * @import { Key, Link, Purchased } from './openkeys.js'
 */

const HINT = mark('It is decrypted here, and every byte is compared with what was sold.');
const SMALL_BYTES = 2 ** 20;

class Opening {
  #root = byId('opening');
  #place = byId('problem');
  #shop = byId('shop');
  #paste = byId('paste', HTMLTextAreaElement);
  /** @type {Found | null} */
  #found = null;
  /** @type {Licence | null} */
  #licence = null;
  /** @type {Link | null} */
  #link = null;
  /** @type {Saving | null} */
  #saving = null;
  /** What was begun for things that are no longer there is not shown. */
  #round = 0;

  constructor() {
    receiveFiles(byId('drop'), (files) => void this.#try(() => this.#takeFiles(files)));
    this.#paste.addEventListener('input', () => void this.#try(() => this.#takeText()));
    action(this.#root, 'ask-here').addEventListener('click', () => {
      void this.#try(() => this.#askHere(this.#round));
    });
    copies(
      action(this.#root, 'copy-id'),
      () => slot(this.#root, 'content-id').textContent,
      t('Copied'),
    );
    if (this.#paste.value) void this.#try(() => this.#takeText());
  }

  /** The licence that /library/ keeps, where that is where one comes from. */
  async recall() {
    const wanted = new URLSearchParams(location.search).get('licence');
    if (!wanted) return;
    const known = (await licences()).find(({ purchaseId }) => purchaseId === wanted);
    if (!known) return;
    await this.#try(() => {
      this.#takeLicence(known.text);
      return this.#show();
    });
  }

  /** @param {unknown} error */
  fail(error) {
    this.#fail(error);
  }

  /** @param {File[]} files */
  async #takeFiles(files) {
    /** @type {unknown} */
    let failure = null;
    for (const file of files) {
      try {
        if (await isLicence(file)) this.#takeLicence(await file.text());
        else {
          this.#found = null;
          this.#found = await lookAt(file);
        }
      } catch (error) {
        failure ??= error;
      }
    }
    await this.#show();
    if (failure) throw failure;
  }

  async #takeText() {
    const text = this.#paste.value.trim();
    if (!text) return;
    if (text.startsWith('{')) this.#takeLicence(text);
    else {
      const link = keys.linkIn(text);
      if (!link) {
        throw new KimError(
          'not_recognised',
          t('A licence begins with {, a link with https://. Paste the whole of it.'),
          t('This is neither a licence nor a link.'),
        );
      }
      this.#link = link;
    }
    await this.#show();
  }

  /** @param {string} text */
  #takeLicence(text) {
    if (/"kim"\s*:\s*"root"/.test(text)) {
      throw new LicenceMalformed(t('This is a key file, not a licence. Nobody needs it here.'));
    }
    if (/"kim"\s*:\s*"release"/.test(text)) {
      throw new KimError(
        'release_file',
        t('The Python unlocker opens it: {command}.', {
          command: 'python -m unlock.container open FILE --link LINK --release-file THIS',
        }),
        t('This is a release file: half a key, which needs the link beside it.'),
      );
    }
    this.#licence = parseLicence(text);
  }

  /** Everything that is there, from the beginning. */
  async #show() {
    this.#round += 1;
    this.#saving?.stop();
    this.#saving = null;
    byId('open').replaceChildren();
    problem.hide(this.#place);
    this.#shop.hidden = true;
    action(this.#root, 'ask-here').hidden = true;
    slot(this.#root, 'pasting').hidden = false;
    this.#showSealed(null);
    this.#showLicence();
    if (!this.#found) return this.#showLinkAlone();
    if (this.#licence) return this.#open(keys.keyOfLicence(this.#found, this.#licence));
    return this.#lookForKey(this.#found, this.#round);
  }

  /**
   * @param {Found} found
   * @param {number} round
   */
  async #lookForKey(found, round) {
    const link = this.#link;
    const meta = link && (await keys.described(found, link.link));
    if (link && !meta) {
      throw new WrongKey(t('This link belongs to another file, or a letter of it was changed.'));
    }
    const known = await keys.rememberedFor(found);
    if (round !== this.#round) return;
    this.#showSealed(meta ?? known?.meta ?? null);
    if (link && link.origin !== location.origin) {
      const path = link.seed ? `/p/${link.purchaseId}` : `/f/${link.paidFileId}`;
      const url = new URL(path, link.origin);
      shop.showElsewhere(
        this.#shop,
        url,
        t('Your link is of another site, which sells or sold it:'),
      );
      return;
    }
    if (link?.seed && meta) return this.#openPurchase({ ...link, seed: link.seed }, meta, round);
    if (known) return this.#openPurchase(known.purchase, known.meta, round);
    const elsewhere = shop.foreignShop(found.records.hint);
    if (!elsewhere) return this.#askHere(round);
    shop.showElsewhere(this.#shop, elsewhere, t('The file says that it is sold by another site:'));
    action(this.#root, 'ask-here').hidden = false;
  }

  /**
   * @param {Purchased} purchased
   * @param {Meta} meta
   * @param {number} round
   */
  async #openPurchase(purchased, meta, round) {
    const found = /** @type {Found} */ (this.#found);
    slot(this.#root, 'key-said').textContent = t(
      'You bought it with this browser or link: asking for the key…',
    );
    slot(this.#root, 'key').hidden = false;
    const key = await keys.keyOfPurchase(found, purchased, meta);
    if (round !== this.#round) return;
    if (key) {
      slot(this.#root, 'key-said').textContent = t('You bought it: the key came from this site.');
      this.#open(key);
      return;
    }
    const go = make('a', { class: 'primary wide', text: t('Go to your order') });
    go.setAttribute('href', keys.purchasePath(purchased));
    slot(this.#root, 'key').hidden = true;
    shop.showNowhere(this.#shop, t('You ordered it here; it is not paid yet.'));
    slot(this.#shop, 'buying').replaceChildren(go);
    slot(this.#root, 'pasting').hidden = true;
  }

  /** @param {number} round */
  async #askHere(round) {
    const found = /** @type {Found} */ (this.#found);
    action(this.#root, 'ask-here').hidden = true;
    shop.showNowhere(this.#shop, t('Asking this site whether it sells it…'));
    const offer = await shop.offerHere(toHex(found.contentId));
    if (round !== this.#round) return;
    if (offer) shop.showOffer(this.#shop, offer, this.#link);
    else {
      shop.showNowhere(
        this.#shop,
        t(
          'This site does not sell it, and the file names no other. Ask whoever gave it to you for the link or the licence.',
        ),
      );
    }
    slot(this.#root, 'pasting').hidden = Boolean(offer && this.#link);
  }

  /** @param {Key} key */
  #open(key) {
    const found = /** @type {Found} */ (this.#found);
    this.#shop.hidden = true;
    slot(this.#root, 'pasting').hidden = true;
    this.#showSealed({ name: '' }); // its own name stands beside the button that saves it
    const { header, rows, contentId, file } = found;
    this.#saving = new Saving(byId('open'), {
      ...{ header, rows, hint: t(HINT), contentId: toHex(contentId), read: reads(file) },
      ...key,
    });
  }

  /** @param {Pick<Meta, 'name'> | null} meta  as far as it is known */
  #showSealed(meta) {
    const card = byId('sealed');
    card.hidden = this.#found === null;
    byId('drop').classList.toggle('slim', this.#found !== null);
    slot(this.#root, 'drop-title').textContent = this.#dropTitle;
    slot(this.#root, 'paste-label').textContent = this.#found
      ? t('Paste its link or licence')
      : t('Or paste a licence or a link');
    if (!this.#found) return;
    const { header, contentId, file, records } = this.#found;
    slot(card, 'title').textContent = meta?.name ? safeName(meta.name) : file.name;
    const kind = header.isBundle ? t('A folder of files') : t('One file');
    slot(card, 'facts').textContent = t('{kind} · {inside} inside, {sealed} sealed', {
      ...{ kind, inside: format.bytes(header.payloadSize), sealed: format.bytes(file.size) },
    });
    slot(card, 'names').hidden = meta !== null;
    slot(card, 'content-id').textContent = toHex(contentId);
    slot(card, 'hint').textContent = records.hint ?? t('None');
  }

  get #dropTitle() {
    const isWaited = this.#licence === null;
    if (!this.#found) {
      return isWaited ? t('Drop the sealed file and its licence') : t('Now drop the sealed file');
    }
    return isWaited ? t('Drop its licence, or another file') : t('Drop another file');
  }

  #showLicence() {
    const card = slot(this.#root, 'key');
    card.hidden = this.#licence === null;
    slot(card, 'copies').replaceChildren();
    if (!this.#licence) return;
    const { name, copies: known } = this.#licence;
    slot(card, 'key-said').textContent = t('Licence for {name}.', { name: safeName(name) });
    if (this.#found) return;
    slot(this.#root, 'pasting').hidden = true;
    const said = make('p', { class: 'soft small', text: t('It names these places for the file:') });
    const rows = known.filter((text) => /^https?:\/\//.test(text)).map(placeOf);
    if (rows.length > 0) slot(card, 'copies').append(said, ...rows);
  }

  #showLinkAlone() {
    const link = this.#link;
    if (!link || this.#licence) return;
    const { origin, seed, paidFileId, purchaseId } = link;
    if (origin !== location.origin) {
      const url = new URL(seed ? `/p/${purchaseId}` : `/f/${paidFileId}`, origin);
      shop.showElsewhere(this.#shop, url, t('That link is of another site:'));
      return;
    }
    shop.showNowhere(
      this.#shop,
      t('That is a link to this site. Drop the sealed file too, or follow it.'),
    );
    const go = make('a', {
      class: 'plain wide',
      text: seed ? t('Go to your order') : t('Go to the offer'),
    });
    go.setAttribute('href', this.#paste.value.trim());
    slot(this.#shop, 'buying').replaceChildren(go);
  }

  /** @param {() => unknown} work */
  async #try(work) {
    problem.hide(this.#place);
    try {
      await work();
    } catch (error) {
      this.#fail(error);
    }
  }

  /** @param {unknown} error */
  #fail(error) {
    this.#shop.hidden = true;
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    problem.show(this.#place, error, {
      ...(isPassing(error) ? { retry: () => void this.#try(() => this.#show()) } : {}),
    });
    this.#place.dataset['code'] = code;
    if (code) {
      this.#place.append(make('p', { class: 'hint small', text: t('Code: {code}', { code }) }));
    }
  }
}

/**
 * @param {File} file
 * @returns {Promise<boolean>} whether it is meant as one: a small text that begins like JSON
 */
async function isLicence(file) {
  if (file.size > SMALL_BYTES || (await isSealed(file))) return false;
  return /^\s*\{/.test(await file.slice(0, 64).text());
}

/** @param {string} url */
function placeOf(url) {
  const link = make('a', { text: url });
  link.setAttribute('href', url);
  link.setAttribute('target', '_blank');
  link.setAttribute('rel', 'noopener noreferrer');
  return make('p', { class: 'small' }, link);
}

/** @param {unknown} error */
function isPassing(error) {
  return (
    error instanceof Error &&
    (('isPassing' in error && error.isPassing === true) ||
      ('code' in error && error.code === 'release_pending'))
  );
}

arrive();
void sweep();
const opening = new Opening();
void opening.recall();
probe(() => spawn('open')).catch((error) => opening.fail(error));
