/**
 * A description as elements: the server reads the Markdown and names tags from a short list; whatever
 * is not on the list here is shown as its text.
 * @module
 */

/** @import { Rendered } from '../net/storefront.js' */

const TAGS = new Set('p br hr h2 h3 h4 strong em s code pre blockquote ul ol li a'.split(' '));
const HREF = /^(?:https:|mailto:)/;

/**
 * @param {Rendered[]} nodes
 * @returns {DocumentFragment}
 */
export function rendered(nodes) {
  const made = document.createDocumentFragment();
  for (const node of nodes) {
    if (typeof node === 'string') made.append(node);
    else if (TAGS.has(node.tag)) made.append(elementOf(node));
    else made.append(rendered(node.children));
  }
  return made;
}

/** @param {{tag: string, href?: string, children: Rendered[]}} node */
function elementOf({ tag, href, children }) {
  const element = document.createElement(tag);
  if (element instanceof HTMLAnchorElement && href && HREF.test(href)) {
    element.href = href;
    element.rel = 'nofollow noopener noreferrer ugc';
  }
  element.append(rendered(children));
  return element;
}
