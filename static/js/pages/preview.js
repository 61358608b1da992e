/**
 * Looking before (or instead of) saving: films and sound in the player's frame, pictures as pictures,
 * text as text. What was decrypted is data for the browser's own decoders; nothing of it becomes a
 * page.
 * @module
 */
import { workerCount } from '../io/pool.js';
import { canServe, serveMedia } from '../io/served.js';
import { Windows } from '../io/windows.js';
import { delayMs, untilOnline, wait } from '../net/backoff.js';
import { mark, t } from '../texts/say.js';
import { action, make, slot } from '../ui/dom.js';
import { shownAs } from '../ui/playable.js';
import * as problem from '../ui/problem.js';
import { register, spawn } from '../ui/trusted.js';
import { isObjective } from './saver.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Header } from '../crypto/header.js'
 * @import { Shown } from '../ui/playable.js'
 *
 * @typedef {object} Sealed
 * @property {Header} header
 * @property {Bytes} rows
 * @property {Bytes} contentKey  M
 * @property {(from: number, to: number, signal: AbortSignal) => Promise<ReadableStream<Uint8Array>>}
 *   read
 * @property {(offset?: number) => boolean} [distrust]  see io/windows.js
 * @property {(offset?: number) => boolean} [broke]
 * @property {() => number} [stallMs]
 * @property {import('./saver.js').Sealed['blame']} [blame]
 *
 * @typedef {Sealed & {name: string, type?: string, isStreamOnly?: boolean}} Single
 *   isStreamOnly: its creator asks that it be watched here
 *
 * @typedef {object} Part  of a container: the file that is looked at
 * @property {number} at         byte of the payload
 * @property {number} sizeBytes
 * @property {string} type       MIME type, or ''
 * @property {string} name
 */

const SEEN = mark('Nothing is lost: your purchase stays yours, and you can save it.');
const WORDS = { video: mark('Play'), audio: mark('Play'), image: mark('Show'), text: mark('Read') };

/**
 * For a file that is sold alone. Where its creator asks that it be watched here, saving is offered
 * only if it cannot be: nobody who paid is left without the file.
 * @param {HTMLElement} root  made of the template `saving`
 * @param {Single} sealed
 * @returns {Preview}
 */
export function offerPreview(root, sealed) {
  const { header, name, type = '', isStreamOnly = false } = sealed;
  const preview = new Preview(root, sealed, { at: 0, sizeBytes: header.payloadSize, type, name });
  const save = action(root, 'save');
  save.hidden = isStreamOnly;
  void preview.offer().then((isShown) => {
    save.hidden = isShown && isStreamOnly;
    if (!save.hidden) return;
    action(root, 'save-as').hidden = true;
    action(root, 'show').className = 'primary wide';
    slot(root, 'stream-only').hidden = false;
    slot(root, 'hint').hidden = true;
  });
  return preview;
}

export class Preview {
  #root;
  #sealed;
  #part;
  /** @type {Shown | null} */
  #shown;
  /** @type {Array<() => void>} what ends with this look */
  #endings = [];
  #isOpen = false;
  /** Whether its button is the page's first one while nothing is shown. */
  #isPrimary = false;

  /**
   * @param {HTMLElement} root  with slots `showing` and `show-problem` and the action `show`
   * @param {Sealed} sealed
   * @param {Part} part
   */
  constructor(root, sealed, part) {
    this.#root = root;
    this.#sealed = sealed;
    this.#part = part;
    this.#shown = shownAs(part);
  }

  /**
   * Shows the button where this browser can do it.
   * @returns {Promise<boolean>} whether it can
   */
  async offer() {
    const shown = this.#shown;
    const needsWorker = shown?.kind === 'video' || shown?.kind === 'audio';
    if (!shown || (needsWorker && !(await canServe(register)))) return false;
    const button = action(this.#root, 'show');
    button.textContent = t(WORDS[shown.kind]);
    button.hidden = false;
    button.onclick = () => void this.#toggle(shown);
    return true;
  }

  /** @param {Shown} shown */
  async #toggle(shown) {
    const button = action(this.#root, 'show');
    const isOpening = !this.#isOpen;
    this.close();
    if (!isOpening) return;
    this.#isOpen = true;
    button.textContent = t('Close');
    this.#isPrimary = button.classList.replace('primary', 'plain');
    try {
      const windows = this.#windows();
      const place = slot(this.#root, 'showing');
      place.hidden = false;
      place.classList.add('showing');
      place.dataset['kind'] = shown.kind;
      if (shown.kind === 'image') await this.#picture(windows, shown.type, place);
      else if (shown.kind === 'text') await this.#text(windows, place);
      else this.#play(windows, shown, place);
    } catch (error) {
      this.#fail(error);
    }
  }

  /** Ends it: the player stops, and what was decrypted is forgotten. */
  close() {
    this.#isOpen = false;
    for (const end of this.#endings.splice(0)) end();
    slot(this.#root, 'showing').replaceChildren();
    slot(this.#root, 'showing').hidden = true;
    problem.hide(slot(this.#root, 'show-problem'));
    if (!this.#shown) return;
    const button = action(this.#root, 'show');
    button.textContent = t(WORDS[this.#shown.kind]);
    if (this.#isPrimary) button.classList.replace('plain', 'primary');
  }

  #windows() {
    const { header, rows, contentKey, read, distrust, broke, stallMs } = this.#sealed;
    const windows = new Windows({
      ...{ header, rows, contentKey, read },
      ...(distrust ? { distrust } : {}),
      ...(broke ? { broke } : {}),
      ...(stallMs ? { stallMs } : {}),
      spawn: () => spawn('open'),
      workers: Math.min(2, workerCount()),
      pause: async (attempt, signal) => {
        await wait(delayMs(attempt), signal);
        await untilOnline(signal);
      },
    });
    this.#endings.push(() => windows.close());
    return windows;
  }

  /**
   * @param {Windows} windows
   * @param {Shown} shown
   * @param {HTMLElement} place
   */
  #play(windows, { kind, type }, place) {
    const { at, sizeBytes, name } = this.#part;
    const media = serveMedia({
      ...{ type, sizeBytes, register },
      open: (from, to) => windows.reader(at + from, at + to),
      onFailure: (error) => this.#fail(error),
    });
    // Whatever asks from in there asks for this first; it comes while the frame loads.
    const first = sizeBytes > 0 ? windows.reader(at, at).next() : null;
    first?.catch(() => undefined);
    const frame = /** @type {HTMLIFrameElement} */ (make('iframe', { class: 'player' }));
    frame.title = name;
    frame.allow = 'autoplay; fullscreen; picture-in-picture';
    frame.src = `/x/play#${kind}/${media.token}`;
    /** @param {MessageEvent} event */
    const hear = ({ data, source }) => {
      if (source !== frame.contentWindow || data?.kim !== 'player') return;
      if (data.state === 'failed') this.#fail(new CannotPlay(type));
      else if (data.width > 0) frame.style.aspectRatio = `${data.width} / ${data.height}`;
    };
    addEventListener('message', hear);
    this.#endings.push(() => {
      removeEventListener('message', hear);
      media.close();
    });
    place.append(frame);
  }

  /**
   * @param {Windows} windows
   * @param {string} type
   * @param {HTMLElement} place
   */
  async #picture(windows, type, place) {
    const bytes = await this.#whole(windows);
    const image = document.createElement('img');
    const url = URL.createObjectURL(new Blob([bytes], { type }));
    this.#endings.push(() => URL.revokeObjectURL(url));
    image.alt = this.#part.name;
    image.dataset['testid'] = 'preview';
    image.src = url;
    await image.decode().catch((cause) => {
      throw new CannotPlay(type, cause);
    });
    place.append(image);
  }

  /**
   * @param {Windows} windows
   * @param {HTMLElement} place
   */
  async #text(windows, place) {
    const bytes = await this.#whole(windows);
    const text = new TextDecoder('utf-8').decode(bytes);
    const pre = make('pre', { text });
    pre.dataset['testid'] = 'preview';
    pre.tabIndex = 0; // it scrolls, also by keyboard
    place.append(pre);
  }

  /** @param {Windows} windows */
  #whole(windows) {
    const { at, sizeBytes } = this.#part;
    return windows.bytes(at, at + sizeBytes - 1);
  }

  /** @param {unknown} error */
  #fail(error) {
    if (!this.#isOpen) return;
    this.close();
    problem.show(slot(this.#root, 'show-problem'), error, { safe: t(SEEN) });
    if (isObjective(error)) this.#sealed.blame?.('segment', error);
  }
}

/** The bytes are the right ones; the browser has no decoder for what is in them. */
class CannotPlay extends Error {
  /** @param {string} type @param {unknown} [cause] */
  constructor(type, cause) {
    super(t('This browser cannot show what is in this file ({type}).', { type }), { cause });
    this.name = 'CannotPlay';
    this.code = 'cannot_play';
    this.hint = t('Save it and open it in another program.');
  }
}
