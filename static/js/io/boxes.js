/**
 * Where a film in an MP4 container keeps its index: players need it before the first picture, and
 * many cameras write it at the end. Source: ISO/IEC 14496-12, section 4.2.
 * @module
 */

const MOST_BOXES = 64;

/**
 * @param {Blob} file
 * @returns {Promise<{from: number, to: number} | null>} bytes of the box "moov", `to` exclusive; null
 *   where there is none
 */
export async function indexOf(file) {
  for (let at = 0, count = 0; at + 8 <= file.size && count < MOST_BOXES; count += 1) {
    const view = new DataView(await file.slice(at, at + 16).arrayBuffer());
    const kind = view.getUint32(4);
    let size = view.getUint32(0);
    if (size === 1 && view.byteLength === 16) size = Number(view.getBigUint64(8));
    if (size === 0) size = file.size - at; // to the end
    if (size < 8) return null;
    if (kind === MOOV) return { from: at, to: Math.min(file.size, at + size) };
    at += size;
  }
  return null;
}

const MOOV = 0x6d6f6f76;
