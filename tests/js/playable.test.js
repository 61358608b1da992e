import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { cannotPlay, shownAs } from '../../static/js/ui/playable.js';

const CAN = new Set(['video/mp4', 'audio/mpeg', 'audio/mp4']);
const MIB = 2 ** 20;

/** @type {any} */ (globalThis).document = {
  createElement: () => ({
    canPlayType: (/** @type {string} */ type) => (CAN.has(type) ? 'maybe' : ''),
  }),
};

/** @param {string} type @param {string} [name] @param {number} [sizeBytes] */
const kindOf = (type, name = 'x', sizeBytes = 100) =>
  shownAs({ type, name, sizeBytes })?.kind ?? null;

describe('what is shown in the page', () => {
  for (const type of [
    'text/html',
    'image/svg+xml',
    'image/svg',
    'application/xhtml+xml',
    'text/xml',
    'application/pdf',
    'text/javascript',
    'application/octet-stream',
    'multipart/x-mixed-replace',
    'image/png/../text/html',
  ]) {
    it(`is never ${type}`, () => assert.equal(kindOf(type), null));
  }

  for (const name of ['page.html', 'drawing.svg', 'x.xhtml', 'x.pdf', 'x.mp4.html', 'mp4', '']) {
    it(`is never a file without a type that is called "${name}"`, () =>
      assert.equal(kindOf('', name), null));
  }

  it('goes by the type, and by the ending where there is none', () => {
    assert.deepEqual(shownAs({ type: 'Video/MP4; codecs="x"', name: 'a.html', sizeBytes: 1 }), {
      kind: 'video',
      type: 'video/mp4',
    });
    assert.equal(kindOf('', 'Film.MP4'), 'video');
    assert.equal(kindOf('application/octet-stream', 'song.mp3'), 'audio');
    assert.deepEqual(shownAs({ type: 'audio/x-m4a', name: 'x', sizeBytes: 1 }), {
      kind: 'audio',
      type: 'audio/mp4',
    });
    assert.equal(kindOf('image/webp'), 'image');
    assert.equal(kindOf('text/plain'), 'text');
  });

  it('is nothing that this browser cannot play, nothing empty, and no large text or picture', () => {
    assert.equal(kindOf('video/webm'), null);
    assert.equal(kindOf('video/mp4', 'x', 0), null);
    assert.equal(kindOf('text/plain', 'x', MIB), 'text');
    assert.equal(kindOf('text/plain', 'x', MIB + 1), null);
    assert.equal(kindOf('image/png', 'x', 64 * MIB + 1), null);
    assert.equal(kindOf('video/mp4', 'x', 2 ** 40), 'video');
  });
});

describe('before anything is paid', () => {
  it('it is said what does not play here, and nothing where it does', () => {
    assert.equal(
      cannotPlay('video/x-msvideo'),
      'This browser cannot play this kind of film (video/x-msvideo). It can be saved and played in another program.',
    );
    assert.match(cannotPlay('', 'song.flac'), /this kind of sound \(audio\/flac\)/);
    assert.equal(cannotPlay('video/mp4'), '');
    assert.equal(cannotPlay('application/zip'), '');
    assert.equal(cannotPlay('', 'unknown.bin'), '');
  });
});
