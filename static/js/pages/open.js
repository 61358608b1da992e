/**
 * A licence and a sealed file, opened here without asking anybody: whoever has both needs no server.
 * @module
 */
import { isEqual, toHex } from '../crypto/bytes.js';
import { inspect } from '../crypto/container.js';
import { KimError } from '../crypto/errors.js';
import { parseLicence } from '../crypto/files.js';
import { CORE_SIZE, parseHeader } from '../crypto/header.js';
import { unlock } from '../crypto/keys.js';
import { sweep } from '../io/halves.js';
import { probe } from '../io/probe.js';
import { byId, make, slot } from '../ui/dom.js';
import * as format from '../ui/format.js';
import * as problem from '../ui/problem.js';
import { spawn } from '../ui/trusted.js';
import { arrive } from './arrive.js';
import { Saving } from './saving.js';

/**
 * @import { Bytes } from '../crypto/bytes.js'
 * @import { Licence } from '../crypto/files.js'
 */

const root = byId('opening');
const place = byId('problem');
const licenceInput = byId('licence', HTMLInputElement);
const sealedInput = byId('sealed', HTMLInputElement);
const PIECE_BYTES = 4 * 2 ** 20;
const HINT = 'It is decrypted here, and every byte is compared with what was sold.';

/** @type {Saving | null} */
let saving = null;

arrive();
void sweep();
licenceInput.addEventListener('change', () => void look());
sealedInput.addEventListener('change', () => void look());
probe(() => spawn('open')).then(look, (error) => problem.show(place, error));

async function look() {
  problem.hide(place);
  saving?.stop();
  saving = null;
  byId('open').replaceChildren();
  try {
    const licence = await readLicence();
    const sealed = sealedInput.files?.[0];
    slot(root, 'sealed-said').textContent = sealed
      ? format.bytes(sealed.size)
      : 'The large one; its name may end in .kim';
    if (licence && sealed) await offer(licence, sealed);
  } catch (error) {
    problem.show(place, error);
  }
}

/** @returns {Promise<Licence | null>} */
async function readLicence() {
  const file = licenceInput.files?.[0];
  if (!file) return null;
  const licence = parseLicence(await file.text());
  slot(root, 'licence-said').textContent = `For ${licence.name}`;
  const known = slot(root, 'copies');
  known.replaceChildren();
  for (const url of licence.copies.filter((text) => /^https?:\/\//.test(text))) {
    const link = make('a', { text: url });
    link.setAttribute('href', url);
    link.setAttribute('rel', 'noopener noreferrer');
    known.append('Your licence names ', link, '. ');
  }
  return licence;
}

/**
 * @param {Licence} licence
 * @param {File} sealed
 */
async function offer(licence, sealed) {
  const header = parseHeader(await bytesOf(sealed, 0, CORE_SIZE));
  header.checkSize(sealed.size);
  const [head, index] = await Promise.all([
    bytesOf(sealed, 0, header.headerSize),
    bytesOf(sealed, header.indexOffset, sealed.size),
  ]);
  const { rows, contentId } = inspect({ head, index, totalSize: sealed.size });
  if (!isEqual(contentId, licence.contentId)) {
    throw new KimError(
      'wrong_file',
      'Choose the sealed file that was bought with it.',
      'This licence belongs to another file.',
    );
  }
  unlock(licence.contentKey, header);
  saving = new Saving(byId('open'), {
    ...{ header, rows, contentKey: licence.contentKey, name: licence.name, hint: HINT },
    contentId: toHex(contentId),
    read: async (from, to) => streamOf(sealed, from, to + 1),
  });
}

/**
 * @param {Blob} blob
 * @param {number} from
 * @param {number} to  exclusive
 * @returns {Promise<Bytes>}
 */
async function bytesOf(blob, from, to) {
  return new Uint8Array(await blob.slice(from, to).arrayBuffer());
}

/**
 * In slices, because Safari's own streams of a file end at 4 GB.
 * @param {Blob} blob
 * @param {number} from
 * @param {number} to  exclusive
 * @returns {ReadableStream<Bytes>}
 */
function streamOf(blob, from, to) {
  let at = from;
  return new ReadableStream(
    {
      async pull(controller) {
        const end = Math.min(to, at + PIECE_BYTES);
        if (end > at) controller.enqueue(await bytesOf(blob, at, end));
        at = end;
        if (at === to) controller.close();
      },
    },
    { highWaterMark: 1 },
  );
}
