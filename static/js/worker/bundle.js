/**
 * Module worker: the bytes of a bundle's files pass through it on their way to a sink, are compared
 * with the directory, and come out as they are or as a zip archive.
 *
 * `begin` {job, entries, isZip} → `begun`; `piece` {job, buffer, offset, size} → `passed` {job,
 * buffer, out, outSize}: `out` goes to the sink, `buffer` is free again (one and the same where
 * nothing is zipped: then `offset` stands beside it); `end` {job} → `ended` {job, out, outSize}.
 * @module
 */
import { answerJobs } from './jobs.js';
import { Checker, Zipper } from './zipping.js';

/** @import { Bytes } from '../crypto/bytes.js' */
/** @import { Entry } from '../crypto/directory.js' */

/** @type {Zipper | null} */
let zipper = null;
/** @type {Checker} */
let checker;

answerJobs({
  /** @param {{job: number, entries: Entry[], isZip: boolean}} message */
  begin({ job, entries, isZip }) {
    if (isZip) zipper = new Zipper(entries);
    else checker = new Checker(entries);
    return [{ type: 'begun', job }];
  },

  /** @param {{job: number, buffer: ArrayBuffer, offset: number, size: number}} message */
  async piece({ job, buffer, offset, size }) {
    const bytes = new Uint8Array(buffer, offset, size);
    if (!zipper) {
      checker.add(bytes);
      return [{ type: 'passed', job, buffer, out: null, outSize: size }, [buffer]];
    }
    const out = joined(await zipper.add(bytes.slice()));
    return [
      { type: 'passed', job, buffer, out: out.buffer, outSize: out.length },
      [buffer, out.buffer],
    ];
  },

  /** @param {{job: number}} message */
  async end({ job }) {
    if (!zipper) {
      checker.end();
      return [{ type: 'ended', job, out: null, outSize: 0 }];
    }
    const out = joined(await zipper.end());
    return [{ type: 'ended', job, out: out.buffer, outSize: out.length }, [out.buffer]];
  },
});

/** @param {Bytes[]} pieces */
function joined(pieces) {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
