/**
 * What every benchmark page needs: a file, a clock for time and processor, a way to say what it
 * found. Loads none of the product's code.
 * @module
 */
import { post } from './plain.js';

const PIECE = 8 * 2 ** 20;
const parameters = new URLSearchParams(location.search);
export const size = Number(parameters.get('mib') ?? 256) * 2 ** 20;
export const rounds = Number(parameters.get('rounds') ?? 5);

/** @type {number[]} */
const longTasks = [];

/**
 * Counts that window's tasks of over 50 ms, too.
 * @param {Window} page
 */
export function watchTasks(page) {
  const { PerformanceObserver: Observer } = /** @type {typeof globalThis} */ (
    /** @type {unknown} */ (page)
  );
  new Observer((list) => {
    for (const entry of list.getEntries()) longTasks.push(entry.duration);
  }).observe({ type: 'longtask' });
}
watchTasks(window);

/** @param {object} facts */
export const note = (facts) => post('/bench/note', facts);
const mark = () => post('/bench/mark', {});

/** A file on disk, as a person would drop it: random bytes in this origin's private file system. */
export async function makeFile() {
  const piece = new Uint8Array(PIECE);
  const folder = await navigator.storage.getDirectory();
  const handle = await folder.getFileHandle('plain.bin', { create: true });
  const writer = await handle.createWritable();
  for (let at = 0; at < size; at += PIECE) {
    for (let from = 0; from < PIECE; from += 65_536) {
      crypto.getRandomValues(piece.subarray(from, from + 65_536));
    }
    await writer.write(piece.slice(0, size - at));
  }
  await writer.close();
  return handle.getFile();
}

/**
 * Nothing but holes, on the disk as little as in memory.
 * @param {number} gigabytes
 */
export async function sparseFile(gigabytes) {
  const folder = await navigator.storage.getDirectory();
  const handle = await folder.getFileHandle('sparse.bin', { create: true });
  const writer = await handle.createWritable();
  await writer.truncate(gigabytes * 1e9);
  await writer.close();
  return handle.getFile();
}

/**
 * A film that the benchmark has made, as a file on disk.
 * @param {string} name
 */
export async function takeFile(name) {
  const folder = await navigator.storage.getDirectory();
  const handle = await folder.getFileHandle(name, { create: true });
  const writer = await handle.createWritable();
  for (let from = 0; ;) {
    const answer = await fetch(`/bench/film/${name}?from=${from}`);
    if (!answer.ok) throw new Error(`there is no film ${name}`);
    const piece = await answer.arrayBuffer();
    if (piece.byteLength === 0) break;
    await writer.write(piece);
    from += piece.byteLength;
  }
  await writer.close();
  return handle.getFile();
}

/**
 * @template T
 * @param {string} name
 * @param {number} round
 * @param {() => Promise<T>} work
 * @param {number} [bytes]
 * @returns {Promise<T>}
 */
export async function measure(name, round, work, bytes = size) {
  longTasks.length = 0;
  const before = await mark();
  const from = performance.now();
  const result = await work();
  const seconds = (performance.now() - from) / 1000;
  const after = await mark();
  await note({
    name,
    round,
    seconds,
    bytes,
    cpu_s: after.browser_s - before.browser_s,
    busy: (after.machine_s - before.machine_s) / (after.at_s - before.at_s),
    from_s: before.at_s,
    to_s: after.at_s,
    longest_task_ms: Math.max(0, ...longTasks),
    long_tasks: longTasks.length,
  });
  return result;
}

/** @param {() => Promise<void>} run  notes what it finds */
export async function drive(run) {
  addEventListener('securitypolicyviolation', (event) => {
    void note({ error: `${event.violatedDirective} forbids ${event.blockedURI}` });
  });
  try {
    await run();
  } catch (error) {
    const said = error instanceof Error ? error.stack : String(error);
    await note({ error: said });
  }
  await note({ end: true });
}
