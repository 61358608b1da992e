import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { concat, fromHex, toHex, utf8 } from '../../static/js/crypto/bytes.js';
import { StreamDigest } from '../../static/js/crypto/digest.js';
import { buildDirectory } from '../../static/js/crypto/directory.js';
import { buildLicence, buildReleaseFile } from '../../static/js/crypto/files.js';
import { deriveKeyPair, openRelease } from '../../static/js/crypto/hpke.js';
import {
  buyerKeySeed,
  contentKey,
  linkSecret,
  purchaseSeed,
  releaseSecret,
} from '../../static/js/crypto/keys.js';
import { shareLink } from '../../static/js/crypto/links.js';
import { openMeta } from '../../static/js/crypto/meta.js';
import { checkBundle, dice, inspectWhole, openWhole, sealWhole } from './support.js';

/** @import { Bytes } from '../../static/js/crypto/bytes.js' */

const run = promisify(execFile);
const project = fileURLToPath(new URL('../../', import.meta.url));
const venv = join(project, '.venv/bin/python');
const python = process.env.KIM_TEST_PYTHON ?? (existsSync(venv) ? venv : 'python3');

const die = dice(20261122);
const root = die.bytes(32);

/** @type {string} */
let folder;

before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kim-roundtrip-'));
});

after(() => rm(folder, { recursive: true }));

/** @param {string[]} args */
async function unlocker(...args) {
  const { stdout } = await run(python, ['-m', 'unlock.container', ...args], { cwd: project });
  return stdout;
}

/**
 * Runs a few lines of Python; `import json, sys` is done, arguments stand in sys.argv[1:].
 * @param {string} lines
 * @param {string[]} args
 * @returns {Promise<any>} the JSON that it prints
 */
async function script(lines, ...args) {
  const { stdout } = await run(python, ['-c', `import json, sys\n${lines}`, ...args], {
    cwd: project,
  });
  return JSON.parse(stdout);
}

/** @param {Bytes} payload  @param {boolean} [isBundle] */
async function sealed(payload, isBundle = false) {
  const fileId = die.bytes(16);
  const key = contentKey(root, fileId);
  const meta = { title: 'Lied', name: 'Größe.bin', type: '', files: [], count: 1 };
  const { raw } = await sealWhole(payload, { root, key, fileId, isBundle, segmentLog2: 18, meta });
  const path = join(folder, `${toHex(fileId)}.kim`);
  await writeFile(path, raw);
  return { fileId, key, raw, path, contentId: (await inspectWhole(raw)).contentId };
}

describe('what the browser sealed', () => {
  it('opens in Python with a licence', async () => {
    for (const size of [0, 1, 262111, 262112, 262113, 1_000_000]) {
      const payload = die.bytes(size);
      const { key, path, contentId } = await sealed(payload);
      const licence = buildLicence({
        contentId,
        contentKey: key,
        name: 'x',
        copies: [],
        receipt: utf8('{}'),
        signature: new Uint8Array(64),
      });
      await writeFile(`${path}.licence`, licence);

      await unlocker('verify', path, '--licence', `${path}.licence`);
      await unlocker('open', path, '--licence', `${path}.licence`, '--output', `${path}.out`);

      assert.equal(Buffer.compare(await readFile(`${path}.out`), payload), 0, `${size} bytes`);
    }
  });

  it('opens in Python with link and release file', async () => {
    const payload = die.bytes(300_000);
    const { fileId, path, contentId } = await sealed(payload);
    const link = shareLink('https://kim.example', 'abc', linkSecret(root, fileId, 0));
    await writeFile(`${path}.release`, buildReleaseFile(contentId, releaseSecret(root, fileId, 0)));

    const args = ['--link', link, '--release-file', `${path}.release`, '--output', `${path}.out`];
    await unlocker('open', path, ...args);

    assert.equal(Buffer.compare(await readFile(`${path}.out`), payload), 0);
  });

  it('opens in Python as a folder', async () => {
    const files = [utf8('eins'), new Uint8Array(0), die.bytes(600_000)];
    const entries = files.map((file, at) => {
      const digest = new StreamDigest();
      digest.update(file);
      return { path: `ordner/größe ${at}.bin`, size: file.length, type: '', sha256: digest.hex() };
    });
    const { fileId, path, contentId } = await sealed(
      concat(...files, buildDirectory(entries)),
      true,
    );
    const link = shareLink('https://kim.example', 'abc', linkSecret(root, fileId, 0));
    await writeFile(`${path}.release`, buildReleaseFile(contentId, releaseSecret(root, fileId, 0)));

    const args = ['--link', link, '--release-file', `${path}.release`, '--output', `${path}.out`];
    await unlocker('open', path, ...args);

    for (const [at, file] of files.entries()) {
      const written = await readFile(join(`${path}.out`, `ordner/größe ${at}.bin`));
      assert.equal(Buffer.compare(written, file), 0);
    }
  });
});

const PACK = `
from io import BytesIO
from unlock.container import Sealing, Source, derive_secrets, pack
root, file_id, path = bytes.fromhex(sys.argv[1]), bytes.fromhex(sys.argv[2]), sys.argv[3]
sizes = [int(size) for size in sys.argv[4].split(",")]
secrets = derive_secrets(root, file_id, generation=3)
sources = [Source(f"a/{n}.bin", size, BytesIO(bytes([n]) * size)) for n, size in enumerate(sizes)]
sealing = Sealing(secrets, file_id, title="Größe", is_bundle=len(sizes) > 1)
with open(path, "wb") as out:
    packed = pack(out, sources, sealing)
print(json.dumps({"content_id": packed.content_id.hex()}))
`;

describe('what Python sealed', () => {
  for (const sizes of [[0], [262112], [700_000], [3, 0, 600_000]]) {
    it(`opens here: ${sizes.join(', ')} bytes`, async () => {
      const fileId = die.bytes(16);
      const path = join(folder, toHex(fileId));
      const made = await script(PACK, toHex(root), toHex(fileId), path, sizes.join(','));
      const raw = new Uint8Array(await readFile(path));
      const secrets = {
        release: releaseSecret(root, fileId, 3),
        link: linkSecret(root, fileId, 3),
      };

      const contentId = fromHex(made.content_id);
      const { header, records } = await inspectWhole(raw, contentId);
      const payload = await openWhole(raw, { secrets, metaLink: secrets.link, contentId });

      const files = sizes.map((size, at) => new Uint8Array(size).fill(at));
      const start = concat(...files);
      assert.equal(Buffer.compare(payload.subarray(0, start.length), start), 0);
      if (header.isBundle) {
        assert.deepEqual(
          checkBundle(payload).map(({ size }) => size),
          sizes,
        );
      } else {
        assert.equal(payload.length, start.length);
      }
      assert.ok(records.metaLink);
      assert.equal((await openMeta(records.metaLink, secrets.link, header)).title, 'Größe');
    });
  }
});

const SEAL_RELEASE = `
from uuid import UUID
from unlock.container import seal_release
key, secret, content_id = (bytes.fromhex(text) for text in sys.argv[1:4])
paid_file, purchase = UUID(sys.argv[4]), UUID(sys.argv[5])
print(json.dumps(seal_release(key, paid_file=paid_file, purchase=purchase, content_id=content_id, release_secret=secret).hex()))
`;

it('what the server seals to a buyer opens in the browser', async () => {
  const [paidFileId, purchaseId] = [crypto.randomUUID(), crypto.randomUUID()];
  const [secret, contentId] = [die.bytes(32), die.bytes(32)];
  const keys = await deriveKeyPair(buyerKeySeed(purchaseSeed(root, 5)));

  const args = [toHex(keys.publicKey), toHex(secret), toHex(contentId), paidFileId, purchaseId];
  const release = fromHex(await script(SEAL_RELEASE, ...args));

  assert.equal(release.length, 113);
  const opened = await openRelease(release, keys, { paidFileId, purchaseId, contentId });
  assert.deepEqual(opened, secret);
});
