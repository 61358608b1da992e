/**
 * Finding elements and making them. Text goes in as text; markup comes from templates only.
 * @module
 */

/**
 * @template {Element} [T=HTMLElement]
 * @param {string} id
 * @param {new () => T} [type]
 * @returns {T}
 */
export function byId(id, type) {
  const found = document.getElementById(id);
  if (!found || (type && !(found instanceof type))) throw new Error(`#${id} is missing`);
  return /** @type {T} */ (/** @type {unknown} */ (found));
}

/**
 * @param {ParentNode} root
 * @param {string} selector
 * @returns {HTMLElement}
 */
export function one(root, selector) {
  const found = root.querySelector(selector);
  if (!(found instanceof HTMLElement)) throw new Error(`${selector} is missing`);
  return found;
}

/**
 * @param {ParentNode} root
 * @param {string} name  of its data-slot
 */
export function slot(root, name) {
  return one(root, `[data-slot="${name}"]`);
}

/**
 * @param {ParentNode} root
 * @param {string} name  of its data-action
 * @returns {HTMLButtonElement}
 */
export function action(root, name) {
  return /** @type {HTMLButtonElement} */ (one(root, `[data-action="${name}"]`));
}

/**
 * @param {string} id  of a <template>
 * @returns {DocumentFragment}
 */
export function fromTemplate(id) {
  return /** @type {DocumentFragment} */ (byId(id, HTMLTemplateElement).content.cloneNode(true));
}

/**
 * @param {string} tag
 * @param {{class?: string, text?: string}} [facts]
 * @param {Node[]} children
 * @returns {HTMLElement}
 */
export function make(tag, facts = {}, ...children) {
  const element = document.createElement(tag);
  if (facts.class) element.className = facts.class;
  if (facts.text !== undefined) element.textContent = facts.text;
  element.append(...children);
  return element;
}

/**
 * @param {string} name  of <meta name="kim-…">
 * @returns {string}
 */
export function meta(name) {
  return document.querySelector(`meta[name="kim-${name}"]`)?.getAttribute('content') ?? '';
}
