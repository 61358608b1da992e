import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { toHex } from '../../static/js/crypto/bytes.js';
import { payloadSizeOf } from '../../static/js/crypto/directory.js';
import { begin } from '../../static/js/crypto/sealer.js';
import { Gate } from '../../static/js/io/gate.js';
import { partsOf } from '../../static/js/io/layout.js';
import { Payload } from '../../static/js/io/payload.js';
import { firstChanged, reconcile } from '../../static/js/io/reconciling.js';
import { gather, without } from '../../static/js/io/selection.js';
import { Keeper } from '../../static/js/io/unfinished.js';
import { dice } from './support.js';

const die = dice(47);
const SEGMENT = 2 ** 18;
const PLAIN = SEGMENT - 32;
const PART = 4 * SEGMENT;

/** @param {number} segments */
function layout(segments) {
  const header = begin(die.bytes(32), {
    payloadSize: segments * PLAIN,
    isBundle: false,
    fileId: die.bytes(16),
  });
  return partsOf(header, PART);
}

/** @param {ReturnType<typeof layout>} parts */
function whole(parts) {
  const stored = parts.map(({ number, size }) => ({
    number,
    size_bytes: size,
    etag: `"e${number}"`,
  }));
  const known = parts.map(({ number, size, segmentCount }) => ({
    ...{ uploadId: 'u', number, size, etag: `E${number}` },
    rows: new Uint8Array(64 * segmentCount),
  }));
  return { stored, known };
}

describe('what an earlier visit left', () => {
  const parts = layout(14); // 3 + 4 + 4 segments, then 3 with the index
  const numbers = parts.map(({ number }) => number);

  it('stays whole where store and browser agree on every part', () => {
    const { stored, known } = whole(parts);

    assert.deepEqual([...reconcile(parts, stored, known).keys()], numbers);
  });

  for (const [what, damage] of /** @type {const} */ ([
    ['the store has not', (/** @type {any} */ seen) => seen.stored.splice(1, 1)],
    ['is a byte short in the store', (/** @type {any} */ seen) => (seen.stored[1].size_bytes -= 1)],
    ['is a byte long in the store', (/** @type {any} */ seen) => (seen.stored[1].size_bytes += 1)],
    ['has no rows here', (/** @type {any} */ seen) => seen.known.splice(1, 1)],
    [
      'has too few rows here',
      (/** @type {any} */ seen) => (seen.known[1].rows = new Uint8Array(64)),
    ],
    ['has another ETag in the store', (/** @type {any} */ seen) => (seen.stored[1].etag = '"x"')],
  ])) {
    it(`is sealed again where a part ${what}, and the index with it`, () => {
      const seen = whole(parts);
      damage(seen);

      assert.deepEqual([...reconcile(parts, seen.stored, seen.known).keys()], [1, 3]);
    });
  }

  it('is taken by its size alone where the browser never saw an ETag', () => {
    const { stored, known } = whole(parts);
    const blind = known.map((row) => ({ ...row, etag: null }));

    assert.deepEqual([...reconcile(parts, stored, blind).keys()], numbers);
  });

  it('is sealed again where nobody knows the fingerprint of a file in it', () => {
    const { stored, known } = whole(parts);

    const kept = reconcile(parts, stored, known, ({ number }) => number !== 3);

    assert.deepEqual([...kept.keys()], [1, 2]);
  });

  it('loses only the index where the index alone is missing', () => {
    const { stored, known } = whole(parts);

    assert.deepEqual([...reconcile(parts, stored.slice(0, -1), known).keys()], [1, 2, 3]);
  });

  it('loses every part of a long index once one segment is sealed anew', () => {
    const many = partsOf(
      begin(die.bytes(32), { payloadSize: 6_000 * PLAIN, isBundle: false, fileId: die.bytes(16) }),
      SEGMENT,
    );
    const { stored, known } = whole(many);
    known.splice(10, 1);

    const kept = reconcile(many, stored, known);

    assert.ok(
      many.every((part) => kept.has(part.number) === (part.indexSize === 0 && part.number !== 11)),
    );
  });
});

describe('a fingerprint', () => {
  const began = [
    { size: 5, lastModified: 1 },
    { size: 6, lastModified: 2 },
  ];

  it('tells which file is another one', () => {
    assert.equal(firstChanged(began, began), -1);
    assert.equal(
      firstChanged(
        began,
        [began[0], { size: 7, lastModified: 2 }].flatMap((one) => one ?? []),
      ),
      1,
    );
    assert.equal(firstChanged(began, began.slice(0, 1)), 1);
    assert.equal(firstChanged(began, [...began, { size: 0, lastModified: 0 }]), 2);
  });
});

describe('a payload of several files', () => {
  it('hands out exactly the bytes asked for, over files, empty files and directory', async () => {
    const files = [0, 7, 0, 0, 13, 1].map((size) => die.bytes(size));
    const end = die.bytes(11);
    const all = new Uint8Array(await new Blob([...files, end]).arrayBuffer());
    const payload = new Payload(
      files.map((bytes) => new Blob([bytes])),
      { size: end.length, bytes: async () => end },
    );

    assert.equal(payload.size, all.length);
    for (let from = 0; from <= all.length; from += 1) {
      for (let to = from; to <= all.length; to += 1) {
        const got = await new Blob(await payload.sources(from, to)).arrayBuffer();
        assert.deepEqual(new Uint8Array(got), all.slice(from, to));
      }
    }
  });

  it('does not wait for the directory before its bytes are asked for', async () => {
    const payload = new Payload([new Blob([die.bytes(5)])], {
      size: 3,
      bytes: () => Promise.reject(new Error('not yet')),
    });

    assert.equal((await payload.sources(0, 5)).length, 1);
    await assert.rejects(payload.sources(4, 6), { message: 'not yet' });
  });
});

/** @param {string} path @param {number} [size] */
function item(path, size = 3) {
  return { path, file: new File([new Uint8Array(size)], path.split('/').at(-1) ?? '') };
}

/** @param {Array<ReturnType<typeof item>>} items */
function drop(...items) {
  return { items, emptyFolders: 0, handles: [] };
}

describe('what was dropped', () => {
  it('is a single file where it is one file and no folder', () => {
    const { name, isBundle, items } = gather(drop(item('film.mov')));

    assert.deepEqual([name, isBundle, items[0]?.path], ['film.mov', false, 'film.mov']);
  });

  it('is a bundle under its folder’s name, in order, without the system’s litter', () => {
    const { name, isBundle, items, remarks } = gather({
      ...drop(item('Trip/b/2.txt'), item('Trip/.DS_Store'), item('Trip/a.txt', 0)),
      emptyFolders: 2,
    });

    assert.deepEqual([name, isBundle], ['Trip', true]);
    assert.deepEqual(
      items.map(({ path }) => path),
      ['a.txt', 'b/2.txt'],
    );
    assert.equal(remarks.length, 2);
  });

  it('keeps a folder of one file a folder', () => {
    assert.equal(gather(drop(item('Trip/a.txt'))).isBundle, true);
  });

  it('writes every name in form NFC', () => {
    const { items } = gather(drop(item('Trip/e\u0301.txt'), item('Trip/b')));

    assert.deepEqual(
      items.map(({ path }) => path),
      ['b', '\u00e9.txt'],
    );
  });

  for (const paths of [
    [],
    ['Trip/../a', 'Trip/b'],
    ['Trip/a\\b', 'Trip/b'],
    ['Trip//a', 'Trip/b'],
    ['Trip/a\0', 'Trip/b'],
    ['a', 'a'],
    ['Trip/e\u0301', 'Trip/\u00e9'],
    ['Trip/a/b', 'Trip/a'],
    ['Trip/\ud800', 'Trip/b'],
  ]) {
    it(`is refused as ${JSON.stringify(paths)}`, () => {
      assert.throws(() => gather(drop(...paths.map((path) => item(path)))), {
        code: 'bad_selection',
      });
    });
  }

  it('is refused over ten thousand files, and taken with exactly so many', () => {
    const many = Array.from({ length: 10_001 }, (_, at) => item(`Trip/${at}`, 0));

    assert.throws(() => gather(drop(...many)), { code: 'bad_selection' });
    assert.equal(gather(drop(...many.slice(1))).items.length, 10_000);
  });

  it('warns of names that differ in case only', () => {
    const { remarks } = gather(drop(item('Trip/A.txt'), item('Trip/a.txt')));

    assert.match(remarks.join(), /a\.txt/);
  });

  it('loses what is taken out of it', () => {
    const dropped = drop(item('Trip/a'), item('Trip/b'));
    const [gone] = dropped.items;

    assert.equal(without(dropped, new Set(gone ? [gone.file] : [])).items.length, 1);
  });

  it('has a payload whose size is known before any hash', () => {
    const files = [{ path: 'ö/🙂', size: 4, type: 'a/b' }];
    const sha256 = toHex(new Uint8Array(createHash('sha256').digest()));

    assert.equal(
      payloadSizeOf(files),
      4 + 8 + Buffer.byteLength(JSON.stringify({ v: 1, files: [{ ...files[0], sha256 }] })),
    );
  });
});

describe('a gate', () => {
  it('cuts off what is under way and does it again once it is open', async () => {
    const gate = new Gate();
    const signal = new AbortController().signal;
    let tries = 0;
    /** @type {PromiseWithResolvers<void>} */
    const started = Promise.withResolvers ? Promise.withResolvers() : /** @type {any} */ (later());
    const passing = gate.pass(signal, (step) => {
      tries += 1;
      if (tries === 2) return Promise.resolve('done');
      started.resolve();
      return new Promise((_, reject) => step.addEventListener('abort', () => reject(step.reason)));
    });
    await started.promise;

    gate.close();
    await new Promise((resolve) => setImmediate(resolve));
    assert.equal(tries, 1);
    gate.open();

    assert.equal(await passing, 'done');
    assert.equal(tries, 2);
  });

  it('lets whoever waits at it go when everything is cancelled', async () => {
    const gate = new Gate();
    const stop = new AbortController();
    gate.close();
    const passing = gate.pass(stop.signal, async () => 'never');

    stop.abort(new Error('enough'));

    await assert.rejects(passing, { message: 'enough' });
  });

  it('passes a failure on', async () => {
    const gate = new Gate();
    const failing = gate.pass(new AbortController().signal, () => Promise.reject(new Error('no')));

    await assert.rejects(failing, { message: 'no' });
  });
});

function later() {
  /** @type {any} */
  const made = {};
  made.promise = new Promise((resolve, reject) => Object.assign(made, { resolve, reject }));
  return made;
}

describe('a keeper', () => {
  it('writes all that gathered meanwhile in one go', async () => {
    /** @type {number[][]} */
    const written = [];
    const keeper = new Keeper(async (/** @type {number[]} */ rows) => void written.push(rows));

    for (const row of [1, 2, 3]) keeper.note(row);
    await keeper.flushed();

    assert.deepEqual(written, [[1], [2, 3]]);
  });

  it('goes on without a record where none can be written, and knows it', async () => {
    const keeper = new Keeper(() => Promise.reject(new Error('quota')));

    keeper.note(1);
    await keeper.flushed();

    assert.equal(keeper.isBroken, true);
  });
});
