/**
 * Bytes and the few notations they appear in. All integers are big-endian.
 * @module
 */

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

const ENCODER = new TextEncoder();
const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const HEX = Array.from({ length: 256 }, (_, value) => value.toString(16).padStart(2, '0'));

/**
 * @param {ReadonlyArray<Uint8Array>} pieces
 * @returns {Bytes}
 */
export function concat(...pieces) {
  const whole = new Uint8Array(pieces.reduce((size, piece) => size + piece.length, 0));
  let offset = 0;
  for (const piece of pieces) {
    whole.set(piece, offset);
    offset += piece.length;
  }
  return whole;
}

/**
 * @param {number} size
 * @returns {Bytes} from the system's generator
 */
export function random(size) {
  return crypto.getRandomValues(new Uint8Array(size));
}

/**
 * @param {string} text
 * @returns {Bytes} UTF-8
 */
export function utf8(text) {
  return ENCODER.encode(text);
}

/**
 * @param {Uint8Array} bytes
 * @returns {string}
 * @throws {TypeError} if the bytes are not UTF-8
 */
export function fromUtf8(bytes) {
  return DECODER.decode(bytes);
}

/**
 * @param {Uint8Array} bytes
 * @returns {string} lower case
 */
export function toHex(bytes) {
  let text = '';
  for (const byte of bytes) text += HEX[byte];
  return text;
}

/**
 * @param {string} text
 * @returns {Bytes}
 * @throws {RangeError}
 */
export function fromHex(text) {
  if (!/^(?:[0-9a-f]{2})*$/i.test(text)) throw new RangeError('not hexadecimal');
  const bytes = new Uint8Array(text.length / 2);
  for (let at = 0; at < bytes.length; at += 1) {
    bytes[at] = Number.parseInt(text.slice(2 * at, 2 * at + 2), 16);
  }
  return bytes;
}

/**
 * @param {Uint8Array} bytes
 * @returns {string} base64url without padding (RFC 4648 section 5)
 */
export function toBase64url(bytes) {
  let binary = '';
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '');
}

/**
 * Strict: no padding, no other alphabet, and the unused bits of the last letter are zero, so one
 * value has one spelling.
 * @param {string} text
 * @returns {Bytes}
 * @throws {RangeError}
 */
export function fromBase64url(text) {
  if (!/^[A-Za-z0-9_-]*$/.test(text) || text.length % 4 === 1) {
    throw new RangeError('not base64url');
  }
  const binary = atob(text.replaceAll('-', '+').replaceAll('_', '/'));
  const bytes = Uint8Array.from(binary, (letter) => letter.charCodeAt(0));
  if (toBase64url(bytes) !== text) throw new RangeError('not canonical base64url');
  return bytes;
}

/**
 * @param {number} value
 * @returns {Bytes}
 */
export function u32(value) {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/**
 * @param {number} value  at most 2^53-1
 * @returns {Bytes}
 */
export function u64(value) {
  const bytes = new Uint8Array(8);
  writeU64(bytes, 0, value);
  return bytes;
}

/**
 * @param {Uint8Array} bytes
 * @param {number} offset
 * @param {number} value  at most 2^53-1
 */
export function writeU64(bytes, offset, value) {
  if (!Number.isSafeInteger(value) || value < 0) throw new RangeError('not a size or an index');
  const view = new DataView(bytes.buffer, bytes.byteOffset);
  view.setUint32(offset, Math.floor(value / 2 ** 32));
  view.setUint32(offset + 4, value % 2 ** 32);
}

/**
 * @param {Uint8Array} bytes
 * @param {number} offset
 */
export function readU32(bytes, offset) {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getUint32(offset);
}

/**
 * @param {Uint8Array} bytes
 * @param {number} offset
 * @returns {number} Infinity if the value is over 2^53-1: no check on a size accepts it
 */
export function readU64(bytes, offset) {
  const value = readU32(bytes, offset) * 2 ** 32 + readU32(bytes, offset + 4);
  return Number.isSafeInteger(value) ? value : Infinity;
}

/**
 * Takes the same time wherever the first difference stands.
 * @param {Uint8Array} left
 * @param {Uint8Array} right
 */
export function isEqual(left, right) {
  if (left.length !== right.length) return false;
  let difference = 0;
  for (let at = 0; at < left.length; at += 1) {
    difference |= /** @type {number} */ (left[at]) ^ /** @type {number} */ (right[at]);
  }
  return difference === 0;
}

/**
 * @param {string} text  "01234567-89ab-cdef-0123-456789abcdef", with or without dashes
 * @returns {Bytes} its 16 bytes
 * @throws {RangeError}
 */
export function uuidBytes(text) {
  const bytes = fromHex(text.replaceAll('-', ''));
  if (bytes.length !== 16) throw new RangeError('not a UUID');
  return bytes;
}
