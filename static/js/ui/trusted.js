/**
 * The one Trusted Types policy: it knows our own scripts by name and nothing else, so no text from
 * anywhere can become one.
 * @module
 */

const SCRIPTS = Object.freeze({
  seal: new URL('../worker/seal.js', import.meta.url).href,
  open: new URL('../worker/open.js', import.meta.url).href,
  kdf: new URL('../worker/kdf.js', import.meta.url).href,
  mark: new URL('../worker/mark.js', import.meta.url).href,
  bundle: new URL('../worker/bundle.js', import.meta.url).href,
  disk: new URL('../worker/disk.js', import.meta.url).href,
  service: '/x/sw.js',
});

/** @typedef {keyof typeof SCRIPTS} ScriptName */

/** @type {{createScriptURL(name: ScriptName): string} | undefined} */
const policy = /** @type {any} */ (globalThis).trustedTypes?.createPolicy('kim-url', {
  createScriptURL: known,
});

/**
 * @param {string} name
 * @returns {string}
 */
function known(name) {
  if (!Object.hasOwn(SCRIPTS, name)) throw new TypeError('no script of ours');
  return SCRIPTS[/** @type {ScriptName} */ (name)];
}

/**
 * @param {ScriptName} name
 * @returns {string} where Trusted Types are on, a TrustedScriptURL that passes for one
 */
export function scriptUrl(name) {
  return policy ? policy.createScriptURL(name) : known(name);
}

/**
 * @param {Exclude<ScriptName, 'service'>} name
 * @returns {Worker}
 */
export function spawn(name) {
  return new Worker(scriptUrl(name), { type: 'module' });
}

/**
 * The service worker of /x/ (docs/adr/0009). Where it is refused, the promise is.
 * @returns {Promise<ServiceWorkerRegistration>}
 */
export function register() {
  const options = { scope: '/x/', updateViaCache: /** @type {const} */ ('none') };
  return navigator.serviceWorker.register(scriptUrl('service'), options);
}
