import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import test from 'node:test';

import { fromHex, toHex } from '../../static/js/crypto/bytes.js';
import { claimSecret, purchaseSeed } from '../../static/js/crypto/keys.js';
import { openNote, sealNote } from '../../static/js/crypto/notes.js';

const { root, cases } = JSON.parse(
  readFileSync(new URL('../vectors/notes.json', import.meta.url), 'utf8'),
);

test('the shared notes open, and their seeds and claims follow from B', async () => {
  for (const { n, seed, claim, paid_file: file, link, note } of cases) {
    const made = purchaseSeed(fromHex(root), n);
    assert.equal(toHex(made), seed);
    assert.equal(toHex(claimSecret(made)), claim);
    assert.equal(toHex((await openNote(made, file, fromHex(note))) ?? new Uint8Array()), link);
  }
});

test('a note sealed here opens for its seed and file, and for no other', async () => {
  const [one, other] = cases;
  const seed = fromHex(one.seed);
  const note = await sealNote(seed, one.paid_file, fromHex(one.link));

  assert.equal(note.length, 44);
  assert.equal(toHex((await openNote(seed, one.paid_file, note)) ?? new Uint8Array()), one.link);
  assert.equal(await openNote(fromHex(other.seed), one.paid_file, note), null);
  assert.equal(await openNote(seed, other.paid_file, note), null);
  note[20] = (note[20] ?? 0) ^ 1;
  assert.equal(await openNote(seed, one.paid_file, note), null);
});
