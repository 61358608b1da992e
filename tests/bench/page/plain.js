/**
 * The fastest plain transfers we know of in a page: nothing is encrypted, checked, retried or shown.
 * @module
 */

/**
 * @param {string} path
 * @param {unknown} body
 * @returns {Promise<any>}
 */
export async function post(path, body) {
  const response = await fetch(path, { method: 'POST', body: JSON.stringify(body) });
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response.status === 204 ? null : response.json();
}

/**
 * @param {string} url
 * @param {XMLHttpRequestBodyInit} body
 * @returns {Promise<void>}
 */
export function put(url, body) {
  return new Promise((resolve, reject) => {
    const xhr = new XMLHttpRequest();
    xhr.onload = () => (xhr.status === 200 ? resolve() : reject(new Error(`PUT ${xhr.status}`)));
    xhr.onerror = () => reject(new Error('PUT failed'));
    xhr.open('PUT', url);
    xhr.send(body);
  });
}

/**
 * Slices of the file itself, several at once; the browser reads them where it sends them.
 * @param {File} file
 * @param {{partBytes: number, lanes: number}} shape
 * @returns {Promise<() => Promise<void>>} to be called to drop what was sent
 */
export async function upload(file, { partBytes, lanes }) {
  const sizes = { size_bytes: file.size, part_bytes: partBytes };
  const { urls, ...sent } = await post('/bench/plain', sizes);
  let next = 0;
  async function lane() {
    while (next < urls.length) {
      const at = next;
      next += 1;
      await put(urls[at], file.slice(at * partBytes, (at + 1) * partBytes));
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane));
  return () => post('/bench/forget', sent);
}

const PIECE = 2 ** 20;
const PIECES = 5;

/**
 * One streamed GET, written straight into a few buffers of ours: of the ways to read a body in
 * Chromium the one that costs least.
 * @param {string} url
 * @param {(buffer: ArrayBuffer, size: number) => Promise<ArrayBuffer>} take  gives the buffer back
 * @returns {Promise<number>} bytes
 */
export async function download(url, take) {
  const response = await fetch(url, { cache: 'no-store', credentials: 'omit' });
  if (!response.ok || !response.body) throw new Error(`GET ${response.status}`);
  const reader = response.body.getReader({ mode: 'byob' });
  const spare = Array.from({ length: PIECES }, () => Promise.resolve(new ArrayBuffer(PIECE)));
  let total = 0;
  for (let isOver = false; !isOver;) {
    let buffer = /** @type {ArrayBuffer} */ (await spare.shift());
    let filled = 0;
    while (filled < PIECE && !isOver) {
      const target = new Uint8Array(buffer, filled);
      const { done, value } = await reader.read(target);
      if (!value) throw new Error('cancelled');
      buffer = /** @type {ArrayBuffer} */ (value.buffer);
      filled += value.length;
      isOver = done;
    }
    total += filled;
    spare.push(take(buffer, filled));
  }
  await Promise.all(spare);
  return total;
}

/**
 * To the same sink as the product's.
 * @param {string} url
 * @param {import('../../../static/js/io/sinks.js').Sink} sink
 */
export async function downloadTo(url, sink) {
  await download(url, (buffer, size) => sink.write({ buffer, offset: 0, size }));
  await sink.finish('');
}
