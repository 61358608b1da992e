/**
 * "Let people look inside": what a creator shows before anybody pays. A picture for the page, and a
 * piece of the file itself. Nothing is shown unless it was chosen here; what is shown is public.
 * @module
 */
import { toBase64url } from '../crypto/bytes.js';
import { SEGMENT_LOG2, SEGMENT_OVERHEAD, segmentCountOf } from '../crypto/header.js';
import { entriesFor } from '../crypto/showing.js';
import { indexOf } from '../io/boxes.js';
import * as net from '../net/showing.js';
import * as covers from '../ui/cover.js';
import { action, make, one, slot } from '../ui/dom.js';
import { piecesOf } from '../ui/pieces.js';
import { shownAs } from '../ui/playable.js';
import * as problem from '../ui/problem.js';
import { mark, t } from '../texts/say.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Header } from '../crypto/header.js'
 * @import { Selection } from '../io/selection.js'
 * @import { Cover } from '../ui/cover.js'
 * @import { Piece } from '../ui/pieces.js'
 *
 * @typedef {object} Sold
 * @property {string} name
 * @property {number} size
 * @property {string} type  MIME type, or ''
 * @property {File | null} file  null where it is not at hand
 * @property {boolean} isBundle
 */

const PLAIN_SIZE = 2 ** SEGMENT_LOG2 - SEGMENT_OVERHEAD;
const TOO_SMALL = mark(
  'This file is too small to show a piece of it without giving all of it away.',
);
const NO_KIND = mark('Of this kind of file no piece can be shown; a picture can.');
const OF_FOLDER = mark('Of a folder no piece can be shown; a picture can.');

export class Showing {
  #root;
  #onCover;
  /** @type {Sold | null} */
  #sold = null;
  /** @type {'video' | 'audio' | 'image' | 'text' | null} */
  #kind = null;
  /** @type {Piece[]} */
  #pieces = [];
  #isLooked = false;
  /** On the page, not yet approved. @type {Cover | null} */
  #offered = null;
  /** @type {Cover | null} */
  #approved = null;
  #url = '';
  #hasKept = { sample: false, cover: false };

  /**
   * @param {HTMLDetailsElement} root
   * @param {(url: string) => void} onCover  the approved picture, or ''
   */
  constructor(root, onCover) {
    this.#root = root;
    this.#onCover = onCover;
    const chooser = /** @type {HTMLInputElement} */ (one(root, 'input[type=file]'));
    root.addEventListener('toggle', () => void this.#look());
    chooser.addEventListener('change', () => void this.#choose(chooser));
    action(root, 'choose-cover').addEventListener('click', () => chooser.click());
    action(root, 'use-cover').addEventListener('click', () => this.#approve(this.#offered));
    action(root, 'no-cover').addEventListener('click', () => this.#discard());
    this.#select.addEventListener('change', () => this.#tellPiece());
  }

  /**
   * @param {{name: string, size: number, count?: number}} file
   * @param {Selection | null} selection  null where the file itself is not at hand
   */
  begin({ name, size, count = 1 }, selection) {
    const isBundle = selection?.isBundle ?? count > 1;
    const file = (!isBundle && selection?.items[0]?.file) || null;
    this.setSold({ name, size, type: file?.type ?? '', file, isBundle });
  }

  /** @param {Sold | null} sold */
  setSold(sold) {
    this.#sold = sold;
    this.#isLooked = false;
    this.#pieces = [];
    this.#discard();
    const shown = sold && !sold.isBundle ? shownAs({ ...sold, sizeBytes: 1 }) : null;
    this.#kind = shown?.kind ?? null;
    this.#root.hidden = !sold;
    if (this.#root.open) void this.#look();
  }

  /**
   * Deposits what was chosen. May be repeated; what is no longer chosen is taken away again.
   * @param {string} paidFileId
   * @param {{key: Bytes, header: Header}} sealed  M stays here: only keys of the segments leave
   */
  async keep(paidFileId, { key, header }) {
    const piece = this.#piece;
    if (piece && this.#kind) {
      const entries = toBase64url(entriesFor(key, header, piece.segments));
      const confirmed = piece.isLarge && this.#sure.checked;
      await net.keepSample(paidFileId, { kind: this.#kind, entries, confirmed });
    } else if (this.#hasKept.sample) await net.dropSample(paidFileId);
    this.#hasKept.sample = piece !== null;
    if (this.#approved) await net.keepCover(paidFileId, this.#approved.blob);
    else if (this.#hasKept.cover) await net.dropCover(paidFileId);
    this.#hasKept.cover = this.#approved !== null;
  }

  /** @returns {string} what is still to be said, '' if nothing */
  get missing() {
    if (!this.#piece?.isLarge || this.#sure.checked) return '';
    return t('Say that so much of the file may be seen for free, or choose a smaller piece.');
  }

  get #select() {
    return /** @type {HTMLSelectElement} */ (one(this.#root, 'select'));
  }

  get #sure() {
    return /** @type {HTMLInputElement} */ (one(this.#root, 'input[type=checkbox]'));
  }

  get #piece() {
    return this.#pieces[this.#select.selectedIndex - 1] ?? null;
  }

  /** The file is looked at only once somebody wants to show something of it. */
  async #look() {
    const sold = this.#sold;
    if (!this.#root.open || this.#isLooked || !sold) return;
    this.#isLooked = true;
    this.#showPieces([]);
    const [, cover] = await Promise.all([
      this.#loadPieces(sold),
      sold.file && this.#kind ? covers.proposed(sold.file, this.#kind) : null,
    ]);
    if (this.#sold === sold && cover && !this.#approved && !this.#offered) this.#offer(cover);
  }

  /** @param {Sold} sold */
  async #loadPieces({ size, file }) {
    const kind = this.#kind;
    const sold = this.#sold;
    if (!kind) return;
    const isMedia = kind === 'video' || kind === 'audio';
    const [seconds, index] = await Promise.all([
      isMedia && file ? covers.secondsOf(file, kind) : 0,
      isMedia && file ? indexOf(file).catch(() => null) : null,
    ]);
    if (this.#sold !== sold) return;
    const segmentCount = segmentCountOf(size);
    this.#showPieces(piecesOf({ kind, segmentCount, plainSize: PLAIN_SIZE, seconds, index }));
  }

  /** @param {Piece[]} pieces */
  #showPieces(pieces) {
    this.#pieces = pieces;
    const words = [t('Nothing'), ...pieces.map((piece) => piece.words)];
    this.#select.replaceChildren(...words.map((text) => make('option', { text })));
    this.#select.disabled = pieces.length === 0;
    this.#sure.checked = false;
    this.#tellPiece();
  }

  #tellPiece() {
    const piece = this.#piece;
    slot(this.#root, 'sure').hidden = !piece?.isLarge;
    if (piece) {
      slot(this.#root, 'sure-said').textContent = t(
        'Yes, {percent} % of it may be seen for free.',
        {
          percent: Math.round(piece.percent),
        },
      );
    }
    slot(this.#root, 'piece-said').textContent = this.#pieces.length ? '' : this.#reason();
  }

  #reason() {
    if (this.#sold?.isBundle) return t(OF_FOLDER);
    return t(this.#kind ? TOO_SMALL : NO_KIND);
  }

  /** @param {HTMLInputElement} chooser */
  async #choose(chooser) {
    const [picture] = chooser.files ?? [];
    chooser.value = '';
    const place = slot(this.#root, 'cover-problem');
    problem.hide(place);
    if (!picture) return;
    try {
      this.#offer(await covers.drawn(picture));
    } catch (error) {
      problem.show(place, error);
    }
  }

  /** @param {Cover} cover */
  #offer(cover) {
    this.#approve(null);
    this.#offered = cover;
    this.#url = URL.createObjectURL(cover.blob);
    const image = /** @type {HTMLImageElement} */ (slot(this.#root, 'cover'));
    image.src = this.#url;
    image.hidden = false;
    this.#tellCover();
  }

  /** @param {Cover | null} cover */
  #approve(cover) {
    this.#approved = cover;
    this.#onCover(cover ? this.#url : '');
    this.#tellCover();
  }

  #discard() {
    this.#approve(null);
    this.#offered = null;
    if (this.#url) URL.revokeObjectURL(this.#url);
    this.#url = '';
    const image = slot(this.#root, 'cover');
    image.hidden = true;
    image.removeAttribute('src');
    this.#tellCover();
  }

  #tellCover() {
    const isOffered = this.#offered !== null;
    const isUsed = this.#approved !== null;
    action(this.#root, 'use-cover').hidden = !isOffered || isUsed;
    action(this.#root, 'no-cover').hidden = !isOffered;
    action(this.#root, 'choose-cover').textContent = isOffered
      ? t('Choose another picture')
      : t('Choose a picture');
    const said = isUsed ? t('This picture will be on the page.') : t('Not used unless you say so.');
    slot(this.#root, 'cover-said').textContent = isOffered ? said : t('No picture yet.');
  }
}
