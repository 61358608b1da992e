/**
 * What is in a bundle, as far as its creator shows it: the list that the link opened. For display
 * only; what is sold is the directory inside, which is checked when it is opened.
 * @module
 */
import { many } from '../texts/say.js';
import { make, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import { shownName } from '../ui/names.js';

/** @import { Proven } from '../io/unlocking.js' */

/**
 * @param {HTMLElement} root
 * @param {Proven['meta']} meta
 */
export function showContents(root, { files, count }) {
  if (files.length === 0) return;
  const rows = files.map(({ path, size }) =>
    make(
      'li',
      {},
      make('bdi', { text: shownName(path) }),
      make('span', { class: 'soft', text: format.bytes(size) }),
    ),
  );
  const more = count - files.length;
  if (more > 0) {
    rows.push(
      make('li', {
        class: 'soft',
        text: many(more, 'and one more file', 'and {count} more files', {
          count: format.number(more),
        }),
      }),
    );
  }
  slot(root, 'contents-list').replaceChildren(...rows);
  slot(root, 'contents-said').textContent = many(
    count,
    'What is in it: one file',
    'What is in it: {count} files',
    {
      count: format.number(count),
    },
  );
  slot(root, 'contents').hidden = false;
}
