import assert from 'node:assert/strict';
import { test } from 'node:test';
import { learn, many, t } from '../../static/js/texts/say.js';

test('without a catalogue the English text is said, its names filled in', () => {
  assert.equal(t('Buy'), 'Buy');
  assert.equal(t('{done} of {all}', { done: 1, all: 'two' }), '1 of two');
});

test('a value is never read as a pattern, and an unknown name stays as it is', () => {
  assert.equal(t('{name} costs {price}', { name: '{price}', price: 2 }), '{price} costs 2');
  assert.equal(t('{a} {b}', { a: 0 }), '0 {b}');
});

test('one is one, and everything else is many', () => {
  const files = (/** @type {number} */ count) => many(count, 'one file', '{count} files');
  assert.deepEqual([0, 1, 2].map(files), ['0 files', 'one file', '2 files']);
});

test('a catalogue is said instead; what it leaves out stays English', () => {
  learn({ Buy: 'Jetzt kaufen', 'one copy': ['eine Kopie', '{count} Kopien'] });
  assert.equal(t('Buy'), 'Jetzt kaufen');
  assert.equal(t('Sell'), 'Sell');
  assert.equal(many(1, 'one copy', '{count} copies'), 'eine Kopie');
  assert.equal(many(3, 'one copy', '{count} copies'), '3 Kopien');
});
