import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { describe, it } from 'node:test';
import { toHex } from '../../static/js/crypto/bytes.js';
import { inspect } from '../../static/js/crypto/container.js';
import { buildDirectory, checkPaths, parseDirectory } from '../../static/js/crypto/directory.js';
import { SEGMENT_OVERHEAD } from '../../static/js/crypto/header.js';
import { bundleSink, readDirectory } from '../../static/js/io/bundling.js';
import { Download } from '../../static/js/io/download.js';
import { choose, ladder, largest } from '../../static/js/io/sinks.js';
import { namesOf, Zipper, zipSize } from '../../static/js/worker/zipping.js';
import { dice, sealWhole } from './support.js';
import { spawnBundle, spawnOpen } from './threads.js';

/**
 * @import { Bytes } from '../../static/js/crypto/bytes.js'
 * @import { Entry } from '../../static/js/crypto/directory.js'
 */

const die = dice(404);
const key = die.bytes(32);
const SEGMENT = 2 ** 18;
const PLAIN = SEGMENT - SEGMENT_OVERHEAD;

/** @param {Uint8Array} bytes */
const sumOf = (bytes) => createHash('sha256').update(bytes).digest('hex');

/** A place that remembers what was done to it. */
function place() {
  /** @type {Bytes[]} */
  const pieces = [];
  const fate = { finished: '', isDiscarded: false, bytes: () => Buffer.concat(pieces) };
  const sink = {
    /** @param {{buffer: ArrayBuffer, offset: number, size: number}} piece */
    async write({ buffer, offset, size }) {
      pieces.push(new Uint8Array(buffer.slice(offset, offset + size)));
      return buffer;
    },
    /** @param {string} name */
    async finish(name) {
      fate.finished = name;
    },
    async discard() {
      fate.isDiscarded = true;
    },
  };
  return { sink, fate };
}

/**
 * @param {Bytes} payload
 * @param {boolean} isBundle
 */
async function sealed(payload, isBundle = false) {
  const { header, raw } = await sealWhole(payload, {
    ...{ root: die.bytes(32), key, fileId: die.bytes(16), segmentLog2: 18, isBundle },
  });
  const head = raw.slice(0, header.headerSize);
  const seen = await inspect({ head, index: raw.slice(header.indexOffset), totalSize: raw.length });
  /** @type {[number, number][]} */
  const asked = [];
  const facts = {
    ...{ header: seen.header, rows: seen.rows, contentKey: key, spawn: spawnOpen, workers: 1 },
    pause: async () => undefined,
    signal: new AbortController().signal,
    read: async (/** @type {number} */ from, /** @type {number} */ to) => {
      asked.push([from, to]);
      return /** @type {ReadableStream<Uint8Array>} */ (
        new Blob([raw.slice(from, to + 1)]).stream()
      );
    },
  };
  return { payload, facts, asked };
}

/**
 * @param {[path: string, size: number][]} files
 * @param {(files: Entry[]) => void} [spoil]  the directory, before it is sealed
 */
async function bundled(files, spoil) {
  let offset = 0;
  const contents = files.map(([, size]) => die.bytes(size));
  const entries = files.map(([path, size], at) => {
    const sha256 = sumOf(/** @type {Bytes} */ (contents[at]));
    const entry = { path, size, type: '', sha256, offset };
    offset += size;
    return entry;
  });
  spoil?.(entries);
  const payload = new Uint8Array(Buffer.concat([...contents, buildDirectory(entries)]));
  return { entries, contents, ...(await sealed(payload, true)) };
}

describe('a stretch of the payload', () => {
  const size = 9 * PLAIN + 100;
  /** @type {[from: number, to: number, first: number, last: number][]} */
  const stretches = [
    [0, 1, 0, 0],
    [PLAIN - 1, PLAIN + 1, 0, 1],
    [PLAIN, 2 * PLAIN, 1, 1],
    [3 * PLAIN + 7, 8 * PLAIN + 9, 3, 8],
    [size - 1, size, 9, 9],
    [0, size, 0, 9],
  ];
  for (const [from, to, first, last] of stretches) {
    it(`${from}..${to} takes the segments ${first} to ${last} and no byte more`, async () => {
      const { payload, facts, asked } = await sealed(die.bytes(size));
      const { sink, fate } = place();

      const done = await new Download({ ...facts, sink, range: { from, to } }).run('x');

      assert.equal(done, to - from);
      assert.deepEqual(fate.bytes(), Buffer.from(payload.slice(from, to)));
      const end = facts.header.segmentOffset(last) + facts.header.storedSizeOf(last) - 1;
      assert.deepEqual(asked, [[facts.header.segmentOffset(first), end]]);
    });
  }

  it('of no bytes asks for none and is finished', async () => {
    const { facts, asked } = await sealed(die.bytes(size));
    const { sink, fate } = place();

    await new Download({ ...facts, sink, range: { from: PLAIN + 5, to: PLAIN + 5 } }).run('none');

    assert.deepEqual(asked, []);
    assert.equal(fate.finished, 'none');
  });

  it('outside of it is refused', async () => {
    const { facts } = await sealed(die.bytes(100));
    const { sink } = place();
    for (const range of [
      { from: -1, to: 5 },
      { from: 6, to: 5 },
      { from: 0, to: 101 },
    ]) {
      assert.throws(() => new Download({ ...facts, sink, range }), RangeError);
    }
  });

  it('that was begun goes on behind what is there, and counts it', async () => {
    const { payload, facts, asked } = await sealed(die.bytes(size));
    const { sink, fate } = place();

    const done = await new Download({ ...facts, sink, begun: 5 * PLAIN }).run('x');

    assert.equal(done, size);
    assert.deepEqual(fate.bytes(), Buffer.from(payload.slice(5 * PLAIN)));
    assert.equal(asked[0]?.[0], facts.header.segmentOffset(5));
  });

  it('that was there to the last byte needs nothing but its end', async () => {
    const { facts, asked } = await sealed(die.bytes(size));
    const { sink, fate } = place();

    await new Download({ ...facts, sink, begun: size }).run('whole');

    assert.deepEqual([asked, fate.finished], [[], 'whole']);
  });
});

describe('a bundle', () => {
  it('tells its files, each saved alone and compared with the list', async () => {
    const what = await bundled([
      ['a/empty', 0],
      ['a/large.bin', 3 * PLAIN + 11],
      ['b', 17],
    ]);

    const entries = await readDirectory(what.facts);

    assert.deepEqual(entries, what.entries);
    for (const [at, entry] of entries.entries()) {
      const { sink, fate } = place();
      const through = bundleSink(sink, [entry], { isZip: false, spawn: spawnBundle });
      const range = { from: entry.offset, to: entry.offset + entry.size };
      await new Download({ ...what.facts, sink: through, range }).run(entry.path);
      assert.deepEqual(fate.bytes(), Buffer.from(/** @type {Bytes} */ (what.contents[at])));
      assert.equal(fate.finished, entry.path);
    }
  });

  it('of ten thousand files is read whole, though its list is long', async () => {
    const files = Array.from(
      { length: 10_000 },
      (_, at) => /** @type {[string, number]} */ ([`folder ${at % 100}/file ${at}`, at % 3]),
    );
    const what = await bundled(files);

    const entries = await readDirectory(what.facts);

    assert.equal(entries.length, 10_000);
    assert.deepEqual(entries.at(-1), what.entries.at(-1));
    assert.equal(what.asked.length, 2);
  });

  it('becomes a zip archive of exactly the length that was foretold', async () => {
    const what = await bundled([
      ['ünï/🎬.mov', 2 * PLAIN + 3],
      ['empty', 0],
      ['z', 5],
    ]);
    const { sink, fate } = place();
    const through = bundleSink(sink, what.entries, { isZip: true, spawn: spawnBundle });
    const range = { from: 0, to: 2 * PLAIN + 8 };

    await new Download({ ...what.facts, sink: through, range }).run('all.zip');

    const zip = fate.bytes();
    assert.equal(zip.length, zipSize(what.entries));
    assert.equal(zip.readUInt32LE(0), 0x04034b50);
    for (const content of what.contents) assert.ok(zip.includes(content));
    assert.equal(fate.finished, 'all.zip');
  });

  for (const isZip of [false, true]) {
    it(`whose file is another than its list says is refused, ${isZip ? 'zipped' : 'alone'}`, async () => {
      const what = await bundled(
        [
          ['good', 1_000],
          ['bad', 2_000],
          ['late', 3_000],
        ],
        (entries) => Object.assign(entries[1] ?? {}, { sha256: sumOf(die.bytes(9)) }),
      );
      const [, bad] = what.entries;
      const wanted = isZip ? what.entries : [/** @type {Entry} */ (bad)];
      const { sink, fate } = place();
      const through = bundleSink(sink, wanted, { isZip, spawn: spawnBundle });
      const range = isZip ? { from: 0, to: 6_000 } : { from: 1_000, to: 3_000 };

      await assert.rejects(new Download({ ...what.facts, sink: through, range }).run('x'), {
        code: 'forged',
        message: 'bad is not what the directory says',
      });

      assert.equal(fate.finished, '');
      assert.equal(fate.isDiscarded, true);
    });
  }

  it('that is too short for a list is refused', async () => {
    for (const size of [0, 7, 8]) {
      const { facts } = await sealed(new Uint8Array(size).fill(1), true);
      await assert.rejects(readDirectory(facts), { code: 'bad_directory' });
    }
  });
});

describe('a list of files', () => {
  for (const path of [
    '../up',
    'a/../b',
    '/root',
    'a//b',
    'a/',
    './a',
    '',
    'a\\b',
    'a\0b',
    'e\u0301',
    '\ud800',
  ]) {
    it(`with ${JSON.stringify(path)} is refused`, () => {
      assert.throws(() => checkPaths([path]), { code: 'bad_directory' });
    });
  }

  it('with one path twice, or a file that is a folder too, is refused', () => {
    assert.throws(() => checkPaths(['a', 'a']), { code: 'bad_directory' });
    assert.throws(() => checkPaths(['a/b', 'a']), { code: 'bad_directory' });
  });

  it('whose sizes do not add up is refused', () => {
    const raw = buildDirectory([{ path: 'a', size: 5, type: '', sha256: '0'.repeat(64) }]);
    const json = raw.subarray(0, -8);
    assert.equal(parseDirectory(json, raw.length + 5).length, 1);
    for (const wrong of [raw.length + 4, raw.length + 6, 0]) {
      assert.throws(() => parseDirectory(json, wrong), { code: 'bad_directory' });
    }
  });
});

describe('a zip archive', () => {
  it('has no name that turns letters round, leaves its folder, or stands twice', () => {
    assert.deepEqual(namesOf(['song\u202egnp.exe', 'song_gnp.exe', 'C:/x', 'a\nb', '👩‍🚀/שלום']), [
      'song_gnp.exe',
      'song_gnp.exe (2)',
      'C_/x',
      'a_b',
      '👩‍🚀/שלום',
    ]);
  });

  it('refuses a name that does not fit, with the advice to save one by one', () => {
    assert.throws(() => namesOf(['n'.repeat(65_536)]), { code: 'cannot_zip' });
  });

  it('counts as zip64 beyond four gigabytes', () => {
    const entry = { path: 'film', type: '', sha256: '', offset: 0 };
    const small = zipSize([{ ...entry, size: 1 }]) - 1;
    const large = zipSize([{ ...entry, size: 5e9 }]) - 5e9;
    assert.equal(large - small, 112);
  });

  it('is the same for the same files, whenever it is made', async () => {
    const content = die.bytes(100);
    const entry = { path: 'a', size: 100, type: '', sha256: sumOf(content), offset: 0 };
    const made = async () => {
      const zipper = new Zipper([entry]);
      const parts = await zipper.add(content);
      return toHex(new Uint8Array(Buffer.concat([...parts, ...(await zipper.end())])));
    };
    assert.equal(await made(), await made());
  });

  it('that lacks bytes is no archive', async () => {
    const entry = { path: 'a', size: 100, type: '', sha256: '', offset: 0 };
    const zipper = new Zipper([entry]);
    await zipper.add(die.bytes(99));
    await assert.rejects(zipper.end(), RangeError);
  });
});

describe('the ladder of places', () => {
  const GB = 1e9;
  const none = { picker: false, service: false, diskBytes: 0, spillBytes: 0, memoryBytes: 0 };
  const all = {
    ...{ picker: true, service: true },
    ...{ diskBytes: 20 * GB, spillBytes: 20 * GB, memoryBytes: 0.5 * GB },
  };

  it('is tried from the stream down to memory', () => {
    assert.deepEqual(ladder(all, 0.4 * GB), ['service', 'disk', 'spill', 'memory', 'picker']);
  });

  it('begins with the dialog for large files, and with the disk for what may break off', () => {
    assert.deepEqual(ladder(all, 1 * GB), ['picker', 'service', 'disk', 'spill']);
    assert.deepEqual(ladder({ ...all, picker: false }, 3 * GB), ['disk', 'service', 'spill']);
  });

  it('has IndexedDB for what memory cannot take', () => {
    const found = { ...none, spillBytes: 2 * GB, memoryBytes: 0.1 * GB };
    assert.equal(choose(found, 1 * GB), 'spill');
    assert.equal(choose(found, 2 * GB), null);
    assert.ok(largest(found) < 2 * GB);
  });

  it('has no end where there is a stream or a dialog', () => {
    assert.equal(largest({ ...none, service: true }), Infinity);
    assert.deepEqual(ladder(none, 1), []);
  });
});
