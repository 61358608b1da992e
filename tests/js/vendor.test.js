import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { it } from 'node:test';
import { fileURLToPath } from 'node:url';

const folder = new URL('../../static/vendor/', import.meta.url);
const { packages } = JSON.parse(readFileSync(new URL('vendor.json', folder), 'utf8'));
/** @type {Record<string, string>} */
const listed = Object.assign({}, ...packages.map((/** @type {any} */ { files }) => files));

it('vendored files are those of vendor.json, and there are no others', () => {
  const found = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(fileURLToPath(folder), join(entry.parentPath, entry.name)));
  assert.deepEqual(found.sort(), ['vendor.json', ...Object.keys(listed)].sort());
  for (const [path, hash] of Object.entries(listed)) {
    const digest = createHash('sha256')
      .update(readFileSync(new URL(path, folder)))
      .digest('hex');
    assert.equal(digest, hash, path);
  }
});

it('every vendored package has a licence and a version', () => {
  for (const { name, version, licence, files } of packages) {
    assert.match(version, /^\d+\.\d+\.\d+$/);
    assert.ok(['MIT', 'ISC'].includes(licence), name);
    assert.ok(
      Object.keys(files).some((path) => path.endsWith('/LICENSE')),
      name,
    );
  }
});

it('vendored scripts import by relative path, and need no eval and no wasm', () => {
  for (const path of Object.keys(listed).filter((name) => name.endsWith('.js'))) {
    const text = readFileSync(new URL(path, folder), 'utf8');
    for (const [, specifier] of text.matchAll(
      /^(?:import|export)\b(?:[^'"`;]*\bfrom)?\s*['"]([^'"]+)['"]/gm,
    )) {
      assert.match(specifier ?? '', /^\.\.?\/.*\.js$/, path);
    }
    assert.doesNotMatch(
      text,
      /\bimport\(|\beval\(|new Function|WebAssembly|sourceMappingURL/,
      path,
    );
  }
});
