/**
 * The heads of what is served under /x/: exact lengths, safe names, and nothing that could run.
 * @module
 */

const SEALED_OFF = "default-src 'none'; frame-ancestors 'self'; sandbox";

export const SAFE = Object.freeze({
  'Content-Security-Policy': SEALED_OFF,
  'X-Content-Type-Options': 'nosniff',
  'Referrer-Policy': 'no-referrer',
  'Cache-Control': 'no-store',
});

/**
 * What a request for a range is answered with: the exact bytes, or that there are none such.
 * @param {string | null} range  the header
 * @param {number} sizeBytes
 * @returns {{status: 200 | 206 | 416, from: number, to: number, headers: Record<string, string>}}
 */
export function ranged(range, sizeBytes) {
  const [, first = '', last = ''] = /^bytes=(\d*)-(\d*)$/.exec(range ?? '') ?? [];
  const isSuffix = !first && last !== '';
  const from = isSuffix ? Math.max(0, sizeBytes - Number(last)) : Number(first);
  const to = isSuffix || !last ? sizeBytes - 1 : Math.min(Number(last), sizeBytes - 1);
  const isRange = range !== null && (first !== '' || last !== '');
  if (isRange && from > to) {
    const headers = { 'Content-Range': `bytes */${sizeBytes}`, 'Content-Length': '0' };
    return { status: 416, from: 0, to: -1, headers };
  }
  /** @type {Record<string, string>} */
  const headers = { 'Accept-Ranges': 'bytes', 'Content-Length': String(to - from + 1) };
  if (isRange) headers['Content-Range'] = `bytes ${from}-${to}/${sizeBytes}`;
  return { status: isRange ? 206 : 200, from, to, headers };
}

/**
 * @param {string} name
 * @param {number} sizeBytes
 * @returns {Record<string, string>}
 */
export function downloadHeaders(name, sizeBytes) {
  const ascii = name.replace(/[^\x20-\x7e]|["\\%]/g, '_');
  // RFC 8187: what encodeURIComponent leaves and attr-char does not.
  const exact = encodeURIComponent(name.toWellFormed()).replace(
    /['()*]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  );
  return {
    ...SAFE,
    'Content-Type': 'application/octet-stream',
    'Content-Length': String(sizeBytes),
    'Content-Disposition': `attachment; filename="${ascii}"; filename*=UTF-8''${exact}`,
  };
}
