/**
 * One PUT of one part to the store. XMLHttpRequest, because fetch tells no upload progress.
 * @module
 */

const STALL_MS = 90_000;

/** Set by the browser itself; a page may not. */
const FORBIDDEN = new Set(['content-length', 'host']);

/** Why a part did not arrive. `status` is 0 if there was no answer at all. */
export class PutError extends Error {
  /**
   * @param {string} message
   * @param {number} status
   */
  constructor(message, status) {
    super(message);
    this.name = 'PutError';
    this.status = status;
  }
}

/**
 * @typedef {object} Request
 * @property {string} url
 * @property {Record<string, string>} headers
 * @property {XMLHttpRequestBodyInit} body
 * @property {(bytes: number) => void} [onProgress]  bytes of this part that have left so far
 * @property {AbortSignal} [signal]
 * @property {number} [stallMs]  without any progress for so long, the try is given up
 */

/**
 * @param {Request} request
 * @returns {Promise<string | null>} once the store has acknowledged the part: its ETag, where the
 *   browser may see it
 * @throws {PutError}
 */
export function put({ url, headers, body, onProgress, signal, stallMs = STALL_MS }) {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const xhr = new XMLHttpRequest();
    let stall = setTimeout(giveUp, stallMs);
    const cancel = () => xhr.abort();

    /** @param {unknown} [failure] */
    function settle(failure) {
      clearTimeout(stall);
      signal?.removeEventListener('abort', cancel);
      if (failure === undefined) resolve(etagOf(xhr));
      else reject(failure);
    }
    function giveUp() {
      xhr.onabort = null;
      xhr.abort();
      settle(new PutError(`no progress for ${stallMs / 1000} seconds`, 0));
    }

    xhr.upload.onprogress = (event) => {
      clearTimeout(stall);
      stall = setTimeout(giveUp, stallMs);
      onProgress?.(event.loaded);
    };
    xhr.onload = () => {
      const { status } = xhr;
      settle(status >= 200 && status < 300 ? undefined : new PutError(`status ${status}`, status));
    };
    xhr.onerror = () => settle(new PutError('the store cannot be reached', 0));
    // An abort nobody here asked for is a network failure (Safari does that): try again.
    xhr.onabort = () => settle(signal?.aborted ? signal.reason : new PutError('cut off', 0));
    xhr.open('PUT', url);
    for (const [name, value] of Object.entries(headers)) {
      if (!FORBIDDEN.has(name.toLowerCase())) xhr.setRequestHeader(name, value);
    }
    xhr.overrideMimeType('text/plain'); // else Firefox logs an XML error for every empty answer
    signal?.addEventListener('abort', cancel, { once: true });
    xhr.send(body);
  });
}

/**
 * From all headers at once: asking for one that the store does not expose logs an error.
 * @param {XMLHttpRequest} xhr
 */
function etagOf(xhr) {
  return /^etag:\s*(\S+)\s*$/im.exec(xhr.getAllResponseHeaders())?.[1] ?? null;
}
