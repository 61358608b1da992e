/**
 * Calls of /api/v1/: JSON in (or a picture), JSON out, errors with a code, a message and a hint.
 * What may be repeated without harm is repeated; everything else is asked once.
 * @module
 */
import { delayMs, untilOnline, wait } from './backoff.js';

const BASE = '/api/v1/';
const TIMEOUT_MS = 30_000;
const TRIES = 5;

/** A refusal of the server, in its own words. */
export class ApiError extends Error {
  /**
   * @param {{code: string, message: string, hint: string, status: number, retryMs?: number}} facts
   */
  constructor({ code, message, hint, status, retryMs = 0 }) {
    super(message);
    this.name = 'ApiError';
    this.code = code;
    this.hint = hint;
    this.status = status;
    /** How long the server asks to wait; 0 if it did not say. */
    this.retryMs = retryMs;
  }

  /** Whether the same call may work later without anybody changing anything. */
  get isPassing() {
    return [0, 429, 502, 503, 504].includes(this.status);
  }
}

/**
 * @typedef {object} Options
 * @property {AbortSignal} [signal]
 * @property {string} [claim]  base64url claim secret of a buyer's call
 * @property {string} [proof]  base64url proof of having a shop's link
 * @property {boolean} [withSession]  the creator's own purchase: a claim and a login together
 * @property {boolean} [repeatable]  the call may be made twice; reads always may
 * @property {number} [timeoutMs]
 */

/**
 * @param {string} path  below /api/v1/
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export function get(path, options = {}) {
  return call('GET', path, undefined, { ...options, repeatable: true });
}

/**
 * Every page of a list, in order.
 * @param {string} path
 * @param {string} name  of the member that holds the rows
 * @returns {Promise<any[]>}
 */
export async function getAll(path, name) {
  const found = [];
  let cursor = '';
  do {
    const page = await get(`${path}?limit=1000${cursor && `&cursor=${cursor}`}`);
    found.push(...page[name]);
    cursor = page.next;
  } while (cursor);
  return found;
}

/**
 * @param {string} path
 * @param {unknown} [body]
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export function post(path, body = {}, options = {}) {
  return call('POST', path, body, options);
}

/**
 * @param {string} path
 * @param {unknown} body
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export function put(path, body, options = {}) {
  return call('PUT', path, body, { repeatable: true, ...options });
}

/**
 * @param {string} path
 * @param {unknown} body
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export function patch(path, body, options = {}) {
  return call('PATCH', path, body, options);
}

/**
 * @param {string} path
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export function remove(path, options = {}) {
  return call('DELETE', path, undefined, options);
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} body
 * @param {Options} options
 * @returns {Promise<any>}
 */
async function call(method, path, body, options) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await once(method, path, body, options);
    } catch (error) {
      const passing = error instanceof ApiError && error.isPassing;
      if (!passing || !options.repeatable || attempt + 1 >= TRIES) throw error;
      await wait(Math.max(delayMs(attempt), error.retryMs), options.signal);
      await untilOnline(options.signal);
    }
  }
}

/**
 * @param {string} method
 * @param {string} path
 * @param {unknown} body
 * @param {Options} options
 * @returns {Promise<any>}
 */
async function once(method, path, body, options) {
  const { signal, claim, proof, timeoutMs = TIMEOUT_MS } = options;
  const { withSession = claim === undefined && proof === undefined } = options;
  /** @type {Record<string, string>} */
  const headers = { Accept: 'application/json' };
  const isPicture = body instanceof Blob;
  if (body !== undefined) headers['Content-Type'] = isPicture ? body.type : 'application/json';
  if (claim !== undefined) headers['Authorization'] = `Claim ${claim}`;
  if (proof !== undefined) headers['Authorization'] = `Shop ${proof}`;
  if (withSession && method !== 'GET') headers['X-CSRFToken'] = csrfToken();
  const limit = AbortSignal.timeout(timeoutMs);
  /** @type {Response} */
  let response;
  try {
    response = await fetch(BASE + path, {
      method,
      headers,
      body: isPicture ? body : body === undefined ? null : JSON.stringify(body),
      // A buyer's call proves itself by the claim alone and must not drag a login along.
      credentials: withSession ? 'same-origin' : 'omit',
      cache: 'no-store',
      redirect: 'error',
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    });
    if (response.ok) return response.status === 204 ? null : await response.json();
  } catch (error) {
    signal?.throwIfAborted();
    throw unreachable(error);
  }
  throw await refusal(response);
}

/** @returns {string} Django's token, from the cookie the page was served with */
function csrfToken() {
  for (const pair of document.cookie.split('; ')) {
    const [name, value] = pair.split('=');
    if (name === 'csrftoken' || name === '__Host-csrftoken') return value ?? '';
  }
  return '';
}

/**
 * @param {Response} response
 * @returns {Promise<ApiError>}
 */
async function refusal(response) {
  const retryMs = 1_000 * (Number.parseInt(response.headers.get('Retry-After') ?? '', 10) || 0);
  const status = response.status;
  try {
    const { error } = await response.json();
    if (typeof error.code === 'string') {
      return new ApiError({ hint: '', ...error, status, retryMs });
    }
  } catch {
    // Not JSON: a proxy in between, or our own last-resort page. The status says enough.
  }
  return new ApiError({
    code: `http_${status}`,
    message: `The server answered with an error (${status}).`,
    hint: 'Nothing is lost. Wait a moment and try again.',
    status,
    retryMs,
  });
}

/** @param {unknown} cause */
function unreachable(cause) {
  const late = cause instanceof DOMException && cause.name === 'TimeoutError';
  const error = new ApiError({
    code: late ? 'timeout' : 'network',
    message: late ? 'The server did not answer in time.' : 'The server cannot be reached.',
    hint: 'Check your connection. Nothing is lost: try again.',
    status: 0,
  });
  error.cause = cause;
  return error;
}
