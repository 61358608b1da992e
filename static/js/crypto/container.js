/**
 * What a page checks before it offers anything for sale or for opening: size, header, records,
 * index, and the one name of what is sold. No key is needed.
 * @module
 */

import { isEqual } from './bytes.js';
import { Damaged } from './errors.js';
import { parseHeader } from './header.js';
import { contentId, parseIndex } from './index.js';
import { parseHead } from './records.js';

/**
 * @import { Bytes } from './bytes.js'
 * @import { Header } from './header.js'
 * @import { Records } from './records.js'
 */

/**
 * @typedef {object} Inspected
 * @property {Header} header
 * @property {Records} records
 * @property {Bytes} rows       64 bytes a segment
 * @property {Bytes} contentId  32 bytes
 */

/**
 * @typedef {object} Parts
 * @property {Bytes} head    the first header.headerSize bytes
 * @property {Bytes} index   from header.indexOffset to the end
 * @property {number} totalSize  of the object, as the store says
 */

/**
 * @param {Parts} parts
 * @param {{expected?: Bytes, allowTestSegments?: boolean}} [options]
 *   expected: the content_id that was promised
 * @returns {Promise<Inspected>}
 * @throws {import('./errors.js').KimError} NotAContainer, UnsupportedVersion, Truncated, Damaged
 */
export async function inspect({ head, index, totalSize }, { expected, ...options } = {}) {
  const header = parseHeader(head, options);
  header.checkSize(totalSize);
  const records = parseHead(header, head);
  const { rows, root } = await parseIndex(header, index);
  const found = contentId(header, root);
  if (expected && !isEqual(found, expected)) {
    throw new Damaged('the file is not the one that was sold, or was changed');
  }
  return { header, records, rows, contentId: found };
}
