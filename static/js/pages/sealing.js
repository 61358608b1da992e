/**
 * What is fixed before the first byte leaves: keys, header, description; and the payload itself,
 * with the directory that stands at the end of a bundle.
 * @module
 */
import { fromHex, random, toBase64url, toHex } from '../crypto/bytes.js';
import { buildDirectory, payloadSizeOf } from '../crypto/directory.js';
import { Header } from '../crypto/header.js';
import { contentKey, linkSecret, releaseSecret, wrap } from '../crypto/keys.js';
import { sealMeta } from '../crypto/meta.js';
import { buildHead, parseHead } from '../crypto/records.js';
import { begin } from '../crypto/sealer.js';
import { Payload } from '../io/payload.js';
import { linkless } from '../ui/linkless.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Meta } from '../crypto/meta.js'
 * @import { Item, Selection } from '../io/selection.js'
 * @import { Draft, Replaces } from '../io/store.js'
 * @import { Listed, UploadRow } from '../io/unfinished.js'
 */

const GENERATION = 0;

/** Bytes of names in the description; the header has room for 256 KiB in all. */
const NAMES_MOST = 65_536;

/**
 * @typedef {object} Sealing
 * @property {Header} header
 * @property {Bytes} key      M
 * @property {Bytes} head
 * @property {string} wrapped  W, base64url
 */

/**
 * @param {Selection} selection
 * @param {Bytes} root  R
 * @param {Replaces | null} [replaces]  the file keeps its link: S and L follow from its first content
 * @returns {Promise<Sealing>} under a fresh file id
 */
export async function prepare(selection, root, replaces = null) {
  const fileId = random(16);
  const key = contentKey(root, fileId);
  const linkFileId = replaces ? fromHex(replaces.linkFileId) : fileId;
  const release = releaseSecret(root, linkFileId, replaces?.generation ?? GENERATION);
  const link = linkSecret(root, linkFileId, replaces?.linkGeneration ?? GENERATION);
  const { isBundle, items, sizeBytes } = selection;
  const payloadSize = isBundle ? payloadSizeOf(items.map(listed)) : sizeBytes;
  const header = begin(key, { payloadSize, isBundle, fileId });
  const wrapped = await wrap(key, { release, link, header });
  const metaLink = await sealMeta(describe(selection), link, header);
  // For whoever finds the file elsewhere; its offer has no address yet.
  const hint = new URL('/open/', location.href).href;
  const head = buildHead(header, { hint, wraps: [wrapped], metaLink });
  return { header, key, head, wrapped: toBase64url(wrapped) };
}

/**
 * The same again on a later visit: M follows from R, the rest was kept.
 * @param {UploadRow} row
 * @param {Bytes} root  R
 * @returns {Sealing}
 */
export function prepareAgain(row, root) {
  const key = contentKey(root, fromHex(row.fileId));
  return { header: new Header(row.core), key, head: row.head, wrapped: row.wrapped };
}

/**
 * @param {Selection} selection
 * @param {() => Promise<string[]>} hashes  SHA-256 of each file, hex, once they are known
 * @returns {Payload}
 */
export function payloadOf({ items, isBundle }, hashes) {
  const files = items.map(({ file }) => file);
  if (!isBundle) return new Payload(files);
  const list = items.map(listed);
  const size = payloadSizeOf(list) - list.reduce((sum, file) => sum + file.size, 0);
  /** @type {Promise<Bytes> | null} */
  let directory = null;
  const bytes = () => (directory ??= hashes().then((known) => directoryOf(list, known)));
  return new Payload(files, { size, bytes });
}

/**
 * @param {Listed[]} list
 * @param {string[]} hashes
 */
function directoryOf(list, hashes) {
  return buildDirectory(list.map((file, at) => ({ ...file, sha256: hashes[at] ?? '' })));
}

/**
 * @param {Item} item
 * @returns {Listed}
 */
export function listed({ path, file: { size, type, lastModified } }) {
  return { path, size, type, lastModified };
}

/**
 * @param {Selection} selection
 * @param {Sealing} sealing
 * @param {{uploadId: string, username: string, partSize: number}} place
 * @param {Replaces | null} [replaces]
 * @returns {UploadRow}
 */
export function rowOf(selection, { header, head, wrapped }, place, replaces = null) {
  const { name, isBundle, isFolder, items, handles } = selection;
  return {
    ...place,
    ...(replaces ? { replaces } : {}),
    fileId: toHex(header.fileId),
    generation: GENERATION,
    core: header.core,
    head,
    wrapped,
    name,
    sizeBytes: header.payloadSize,
    isBundle,
    isFolder,
    files: items.map(listed),
    handles,
    startedAt: new Date().toISOString(),
  };
}

/**
 * What is kept of an upload that is whole.
 * @param {UploadRow} row
 * @param {Bytes} contentId
 * @returns {Draft}
 */
export function draftOf(row, contentId) {
  const { username, uploadId, fileId, core, head, wrapped, name, sizeBytes, replaces } = row;
  const facts = { username, uploadId, fileId, core, wrapped, name, sizeBytes };
  const draft = { ...facts, contentId: toHex(contentId), paidFileId: null };
  const { metaLink } = parseHead(new Header(core), head);
  return replaces && metaLink ? { ...draft, replaces: { ...replaces, metaLink } } : draft;
}

/**
 * @param {Selection} selection
 * @returns {Meta}
 */
function describe({ name, items, isBundle }) {
  const title = titleOf(name);
  if (!isBundle) {
    return { title, name, type: items[0]?.file.type ?? '', files: [], count: 1 };
  }
  let room = NAMES_MOST;
  const files = [];
  for (const { path, file } of items.slice(0, 50)) {
    room -= JSON.stringify(path).length * 3;
    if (room < 0) break;
    files.push({ path, size: file.size });
  }
  return { title, name, type: '', files, count: items.length };
}

/**
 * @param {string} name  of a file or a folder
 * @returns {string} a title to begin with: no extension, and no link secret
 */
export function titleOf(name) {
  return linkless(name.replace(/\.[A-Za-z0-9]{1,8}$/, '').replaceAll('_', ' ')).trim() || name;
}

/**
 * Everything that follows from R for one file.
 * @param {Bytes} root
 * @param {Draft} draft
 */
export function secretsOf(root, draft) {
  const fileId = fromHex(draft.fileId);
  return {
    key: contentKey(root, fileId),
    release: releaseSecret(root, fileId, GENERATION),
    link: linkSecret(root, fileId, GENERATION),
    generation: GENERATION,
  };
}
