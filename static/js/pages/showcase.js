/**
 * How the page of a file is shown: for adults, what is in it, previews of the link, the shop.
 * @module
 */
import { byId } from '../ui/dom.js';

/**
 * @typedef {{is_adult: boolean, shows_contents: boolean, has_card: boolean}} Choices
 * @typedef {Choices & {is_listed: boolean}} Showcase
 */

export class ShowcaseField {
  #prefix;
  /** @type {Showcase} */
  #before;

  /**
   * @param {string} prefix  of the ids; '' on the selling page, where nothing can be listed yet
   * @param {Showcase} [before]
   */
  constructor(prefix, before) {
    this.#prefix = prefix;
    const nothing = { is_adult: false, shows_contents: false, has_card: false, is_listed: false };
    this.#before = before ?? nothing;
    if (!before) return;
    this.#box('is-adult').checked = before.is_adult;
    this.#box('shows-contents').checked = before.shows_contents;
    this.#box('has-card').checked = before.has_card;
    this.#box('is-listed').checked = before.is_listed;
  }

  /** @returns {Choices} */
  get choices() {
    return {
      is_adult: this.#box('is-adult').checked,
      shows_contents: this.#box('shows-contents').checked,
      has_card: this.#box('has-card').checked,
    };
  }

  /** @returns {Choices | undefined} undefined where nothing is new */
  get change() {
    const { choices } = this;
    const { is_adult, shows_contents, has_card } = this.#before;
    const isSame =
      JSON.stringify(choices) === JSON.stringify({ is_adult, shows_contents, has_card });
    return isSame ? undefined : choices;
  }

  /** @returns {boolean | undefined} whether it is to be listed; undefined where nothing is new */
  get listing() {
    const isListed = this.#box('is-listed').checked;
    return isListed === this.#before.is_listed ? undefined : isListed;
  }

  /** @param {string} name */
  #box(name) {
    return byId(this.#prefix + name, HTMLInputElement);
  }
}
