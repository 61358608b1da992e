/**
 * The service worker of /x/: a classic script without imports, keys or memory, served as /x/sw.js.
 * It stands between the browser, which wants a download or a piece of a film, and the page that has
 * the bytes (io/served.js). For every request it asks the windows of this origin whose the token
 * is, and lets the bytes through one piece at a time, as the browser takes them. Nothing is kept:
 * a worker that was ended and started anew works on as if nothing had been (docs/adr/0009).
 *
 * To a window: {kim: 'serve', kind, token, range, instance} and a port. The owner answers on it with
 * {status, headers}; then `pull` is answered by {buffer, offset, size}, {end} or {failed}; `done` and
 * `cancel` tell the owner how it ended. A `ping` is answered by this worker's instance.
 */
'use strict';

const OWNER_MS = 10_000;
const ADDRESS = /^\/x\/([dv])\/([A-Za-z0-9_-]{22})$/;
/** Another one after each start: a page that hears another name knows that its streams were cut. */
const INSTANCE = crypto.randomUUID();
/** The type library of service workers and that of pages exclude each other. @type {any} */
const scope = self;

scope.addEventListener('message', (/** @type {MessageEvent} */ { data, ports }) => {
  if (data === 'ping') ports[0]?.postMessage(INSTANCE);
});

scope.addEventListener('fetch', (/** @type {any} */ event) => {
  const [, kind, token] = ADDRESS.exec(new URL(event.request.url).pathname) ?? [];
  if (kind && token) event.respondWith(answer(event.request, kind, token));
});

/**
 * @param {Request} request
 * @param {string} kind  d: a download, v: media
 * @param {string} token
 * @returns {Promise<Response>}
 */
async function answer(request, kind, token) {
  const isFit =
    kind === 'd' ? request.mode === 'navigate' : ['video', 'audio'].includes(request.destination);
  const owner = isFit && request.method === 'GET' ? await ownerOf(request, kind, token) : null;
  if (!owner) return new Response('incomplete', { status: 404 });
  return new Response(bodyFrom(owner.port), { status: owner.status, headers: owner.headers });
}

/**
 * @param {Request} request
 * @param {string} kind
 * @param {string} token
 * @returns {Promise<{port: MessagePort, status: number, headers: Record<string, string>} | null>}
 */
async function ownerOf(request, kind, token) {
  const asked = {
    kim: 'serve',
    kind,
    token,
    range: request.headers.get('range'),
    instance: INSTANCE,
  };
  const windows = await scope.clients.matchAll({ type: 'window', includeUncontrolled: true });
  return new Promise((resolve) => {
    const late = setTimeout(() => resolve(null), OWNER_MS);
    for (const one of windows) {
      const { port1, port2 } = new MessageChannel();
      port1.onmessage = ({ data: { status, headers } }) => {
        clearTimeout(late);
        resolve({ port: port1, status, headers });
      };
      one.postMessage(asked, [port2]);
    }
  });
}

/**
 * @param {MessagePort} port
 * @returns {ReadableStream<Uint8Array>} a piece is asked for only when the browser wants one
 */
function bodyFrom(port) {
  let answered = () => {};
  return new ReadableStream(
    {
      start(controller) {
        port.onmessage = ({ data: { buffer, offset, size, end } }) => {
          if (buffer) controller.enqueue(new Uint8Array(buffer, offset, size));
          else if (end) controller.close();
          else controller.error(new Error('the page gave up'));
          if (end) port.postMessage('done');
          answered();
        };
      },
      pull() {
        const waiting = new Promise((resolve) => (answered = () => resolve(undefined)));
        port.postMessage('pull');
        return waiting;
      },
      cancel() {
        port.postMessage('cancel');
      },
    },
    { highWaterMark: 0 },
  );
}
