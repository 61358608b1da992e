/**
 * Purchases from another device: by 24 words or a key file, by return links, by licences.
 * @module
 */
import { fromBase64url, fromUtf8, toBase64url } from '../crypto/bytes.js';
import { KimError } from '../crypto/errors.js';
import { parseKeyFile, parseLicence } from '../crypto/files.js';
import { claimSecret } from '../crypto/keys.js';
import { parseReturnLink } from '../crypto/links.js';
import { openNote } from '../crypto/notes.js';
import { fromWords } from '../crypto/words.js';
import * as remembered from '../io/buyer.js';
import { highest, walk } from '../io/walking.js';
import { heldBy, MOST } from '../net/library.js';
import { many, t } from '../texts/say.js';
import * as dialogs from '../ui/dialog.js';
import { one, slot } from '../ui/dom.js';
import * as problem from '../ui/problem.js';
import { toast } from '../ui/toast.js';

/** @import { Bytes } from '../crypto/bytes.js' */
/** @import { Bought } from '../io/buyer.js' */
/** @import { Held } from '../net/library.js' */

const LINKS = /https?:\/\/\S+\/p\/[A-Za-z0-9_-]+\/?#\S+/g;
const FILE_BYTES = 2 ** 20;

/** @param {() => void} onDone */
export function carry(onDone) {
  const dialog = dialogs.open('carry-dialog');
  const place = slot(dialog, 'problem');
  const field = /** @type {HTMLTextAreaElement} */ (one(dialog, 'textarea'));
  const files = /** @type {HTMLInputElement} */ (one(dialog, 'input[type=file]'));
  const button = /** @type {HTMLButtonElement} */ (one(dialog, 'button[type=submit]'));
  const stopping = new AbortController();
  dialog.addEventListener('close', () => stopping.abort());
  const bringing = new Bringing(slot(dialog, 'progress'), stopping.signal);
  one(dialog, 'form').addEventListener('submit', async (event) => {
    event.preventDefault();
    if (button.disabled) return;
    button.disabled = true;
    problem.hide(place);
    try {
      const texts = [field.value, ...(await Promise.all(Array.from(files.files ?? [], read)))];
      await bringing.all(texts.filter((text) => text.trim()));
      dialog.close();
      onDone();
      toast(bringing.said());
    } catch (error) {
      if (!stopping.signal.aborted) problem.show(place, error);
      if (bringing.added > 0) onDone();
    } finally {
      slot(dialog, 'progress').hidden = true;
      button.disabled = false;
    }
  });
}

/** @param {File} file */
function read(file) {
  if (file.size <= FILE_BYTES) return file.text();
  throw new KimError(
    'not_recognised',
    t('Choose a key file, a licence or a saved return link: each is small.'),
    t('{name} is too large to be one of them.', { name: file.name }),
  );
}

class Bringing {
  #progress;
  #signal;
  added = 0;

  /**
   * @param {HTMLElement} progress
   * @param {AbortSignal} signal
   */
  constructor(progress, signal) {
    this.#progress = progress;
    this.#signal = signal;
  }

  /** @param {string[]} texts */
  async all(texts) {
    if (texts.length === 0) {
      throw new KimError(
        'nothing_given',
        t('Type the words, paste a link or a licence, or choose a file.'),
        t('There is nothing to bring here yet.'),
      );
    }
    for (const text of texts) await this.#one(text.trim());
  }

  /** @returns {string} */
  said() {
    if (this.added === 0) return t('All of them were here already.');
    return many(
      this.added,
      'One purchase was brought here.',
      '{count} purchases were brought here.',
    );
  }

  /** @param {string} text */
  async #one(text) {
    const links = text.match(LINKS);
    if (links) return this.#links(links);
    if (!text.startsWith('{')) return this.#root(fromWords(text));
    if (!/"kim"\s*:\s*"root"/.test(text)) return this.#licence(text);
    const { role, root } = parseKeyFile(text);
    if (role === 'buyer') return this.#root(root);
    throw new KimError(
      'wrong_role',
      t(
        'Choose the file that you saved on this page. A creator’s key file belongs on the pages for creators.',
      ),
      t('This is a creator’s key file.'),
    );
  }

  /** @param {string[]} links */
  async #links(links) {
    const parsed = links.map(parseReturnLink);
    const foreign = parsed.find(({ origin }) => origin !== location.origin);
    if (foreign) {
      throw new KimError(
        'other_site',
        t('Open it there: {host}', { host: new URL(foreign.origin).host }),
        t('That link is of another site.'),
      );
    }
    for (let at = 0; at < parsed.length; at += MOST) {
      const part = parsed.slice(at, at + MOST);
      const found = await this.#lookUp(part.map(({ seed }) => toBase64url(claimSecret(seed))));
      const rows = part.map(({ purchaseId, link, seed }, place) => {
        const held = found.find((each) => each.at === place && each.id === purchaseId);
        if (!held) {
          throw new KimError(
            'purchase_unknown',
            t('Check that the link is whole, to its last letter.'),
            t('This site knows no purchase with that link.'),
          );
        }
        return rowOf(held, { n: -1, link, seed });
      });
      await this.#add(rows);
    }
  }

  /** @param {Bytes} root  B */
  async #root(root) {
    const found = await walk(root, {
      lookUp: (claims) => this.#lookUp(claims),
      onProgress: (asked, count) => {
        this.#progress.hidden = false;
        this.#progress.textContent = t(
          'Looking: {asked} numbers asked, purchases found: {count}.',
          { asked, count },
        );
      },
    });
    if (found.length === 0) {
      throw new KimError(
        'nothing_found',
        t(
          'Are they the words of this site, and of the browser you bought with? A creator’s words open nothing here.',
        ),
        t('No purchase belongs to these words.'),
      );
    }
    const rows = await Promise.all(
      found.map(async ({ n, seed, held }) => {
        const link = held.note && (await openNote(seed, held.file.id, fromBase64url(held.note)));
        return link ? rowOf(held, { n, link, seed }) : null;
      }),
    );
    await this.#add(rows.filter((row) => row !== null));
    // Numbers beyond all that are taken: none is given twice.
    await remembered.adoptRoot(root, highest(found) + 1);
    const closed = rows.filter((row) => row === null).length;
    if (closed > 0) {
      throw new KimError(
        'note_missing',
        t(
          'Open each of them once in the browser you bought with, by its page Bought; then come back. Or use its return link.',
        ),
        many(
          closed,
          'One purchase was found, but half of its key is only in the browser you bought with.',
          '{count} purchases were found, but half of their keys is only in the browser you bought with.',
        ),
      );
    }
  }

  /** @param {string} text */
  async #licence(text) {
    const { name, receipt } = parseLicence(text);
    const { purchase } = JSON.parse(fromUtf8(receipt));
    await remembered.keepLicence({
      purchaseId: String(purchase),
      ...{ text, name, addedAt: Date.now() },
    });
    this.added += 1;
  }

  /** @param {string[]} claims */
  #lookUp(claims) {
    this.#signal.throwIfAborted();
    return heldBy(claims, this.#signal);
  }

  /** @param {Bought[]} rows */
  async #add(rows) {
    this.added += await remembered.addPurchases(rows);
  }
}

/**
 * @param {Held} held
 * @param {{n: number, link: Bytes, seed: Bytes}} keys
 * @returns {Bought}
 */
function rowOf(held, { n, link, seed }) {
  return {
    ...{ purchaseId: held.id, paidFileId: held.file.id, n, link, seed, ticket: null, seen: held },
    boughtAt: Date.parse(held.created_at),
    ...(held.is_proof ? { isProof: true } : {}),
  };
}
