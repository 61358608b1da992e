/**
 * `node sametokens.mjs OURS SERVED`: every script of the one folder is in the other with the same
 * tokens on the same lines, as a real parser reads them. Prints what is not, and how much is.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'acorn';

const [, , ours = '', served = ''] = process.argv;

/** @param {string} path */
function tokens(path) {
  /** @type {string[]} */
  const found = [];
  const text = readFileSync(path, 'utf8');
  parse(text, {
    ecmaVersion: 'latest',
    sourceType: 'module',
    locations: true,
    onToken({ type, start, end, loc }) {
      const line = loc?.start.line;
      found.push(JSON.stringify([type.label, line, text.slice(start, end)]));
    },
  });
  return found;
}

let count = 0;
const scripts = readdirSync(ours, { recursive: true, encoding: 'utf8' })
  .filter((name) => name.endsWith('.js'))
  .sort();
for (const name of scripts) {
  const [wanted, found] = [tokens(join(ours, name)), tokens(join(served, name))];
  const at = wanted.findIndex((token, index) => token !== found[index]);
  if (at >= 0 || wanted.length !== found.length) {
    console.log(`${name}: ${wanted[at]} became ${found[at]}`);
    process.exitCode = 1;
  }
  count += wanted.length;
}
console.log(`${scripts.length} scripts, ${count} tokens`);
