/**
 * `node tests/bench/crypto/run.mjs [MiB]`: sealing and opening in a plain Chromium process, under
 * the product's policy (no eval, no wasm, no blob workers). Prints JSON; rates are MB/s of payload.
 */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { extname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROJECT = fileURLToPath(new URL('../../../', import.meta.url));
const CSP =
  "default-src 'none'; script-src 'self'; worker-src 'self'; connect-src 'self';" +
  " require-trusted-types-for 'script'; trusted-types kim-url";
/** @type {Record<string, string>} */
const TYPES = { '.html': 'text/html', '.js': 'text/javascript' };

const profile = mkdtempSync(join(tmpdir(), 'kim-bench-'));
const result = new Promise((resolve) => {
  const server = createServer((request, response) => {
    const path = normalize(new URL(request.url ?? '/', 'http://x').pathname);
    if (path === '/result') {
      let body = '';
      request.on('data', (piece) => (body += piece));
      request.on('end', () => resolve(JSON.parse(body)));
      return;
    }
    try {
      const text = readFileSync(join(PROJECT, path));
      const type = TYPES[extname(path)] ?? 'application/octet-stream';
      response.writeHead(200, { 'content-type': type, 'content-security-policy': CSP });
      response.end(text);
    } catch {
      response.writeHead(404).end();
    }
  });
  server.listen(0, '127.0.0.1', () => {
    const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());
    const page = `http://127.0.0.1:${port}/tests/bench/crypto/page.html?mib=${process.argv[2] ?? 256}`;
    const options = ['--headless=new', '--no-sandbox', '--disable-gpu', '--disable-dev-shm-usage'];
    browser = spawn('chromium', [...options, `--user-data-dir=${profile}`, page], {
      stdio: 'ignore',
    });
  });
  server.unref();
});
/** @type {import('node:child_process').ChildProcess | undefined} */
let browser;

const late = setTimeout(() => {
  browser?.kill();
  console.error('no result after five minutes');
  process.exit(1);
}, 300_000);
console.log(JSON.stringify(await result, null, 2));
clearTimeout(late);
browser?.kill();
if (browser?.exitCode === null) await once(browser, 'exit');
rmSync(profile, { recursive: true, force: true, maxRetries: 20, retryDelay: 250 });
