import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Filler } from '../../static/js/io/filler.js';

/**
 * @param {number[][]} chunks
 * @param {Error} [failure]  what the stream ends with
 */
function streamOf(chunks, failure) {
  const left = chunks.map((chunk) => Uint8Array.from(chunk));
  /** @type {UnderlyingByteSource} */
  const source = {
    type: 'bytes',
    pull(controller) {
      const chunk = left.shift();
      if (chunk) controller.enqueue(chunk);
      else if (failure) controller.error(failure);
      else {
        controller.close();
        controller.byobRequest?.respond(0);
      }
    },
  };
  return new ReadableStream(source);
}

/** @param {{buffer: ArrayBuffer, size: number}} filled */
const bytesOf = ({ buffer, size }) => [...new Uint8Array(buffer, 0, size)];

for (const isDirect of [true, false]) {
  describe(isDirect ? 'filling straight into the buffer' : 'filling from chunks', () => {
    it('cuts the stream anew, whatever the chunks', async () => {
      const filler = new Filler(streamOf([[1, 2, 3], [4], [5, 6, 7, 8, 9]]), { isDirect });
      const first = await filler.fill(new ArrayBuffer(4), 4);
      assert.deepEqual(bytesOf(first), [1, 2, 3, 4]);
      const second = await filler.fill(first.buffer, 3);
      assert.deepEqual(bytesOf(second), [5, 6, 7]);
      assert.equal(second.buffer.byteLength, 4);
    });

    it('gives fewer bytes only at the end of the stream', async () => {
      const filler = new Filler(streamOf([[1, 2, 3]]), { isDirect });
      const filled = await filler.fill(new ArrayBuffer(8), 8);
      assert.deepEqual(bytesOf(filled), [1, 2, 3]);
      assert.equal((await filler.fill(filled.buffer, 8)).size, 0);
    });

    it('fails as the stream fails', async () => {
      const filler = new Filler(streamOf([[1]], new Error('cut')), { isDirect });
      await assert.rejects(filler.fill(new ArrayBuffer(2), 2), /cut/);
    });

    it('does not wait for ever for a stream that stays silent', async () => {
      const silent = new ReadableStream({ type: 'bytes' });
      const filler = new Filler(silent, { isDirect, stallMs: 20 });
      await assert.rejects(filler.fill(new ArrayBuffer(2), 2), /nothing came/);
    });
  });
}

it('takes a stream that cannot write into buffers in chunks', async () => {
  const stream = new ReadableStream({
    start(controller) {
      controller.enqueue(Uint8Array.of(7, 8));
      controller.close();
    },
  });
  const filled = await new Filler(stream, { isDirect: true }).fill(new ArrayBuffer(2), 2);
  assert.deepEqual(bytesOf(filled), [7, 8]);
});
