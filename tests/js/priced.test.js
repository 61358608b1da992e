import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { besideWords, closedWords, isPlain, priceWords } from '../../static/js/ui/priced.js';

/** @typedef {import('../../static/js/ui/priced.js').Selling} Selling */

const NOW = Date.parse('2026-03-01T12:00:00Z');
const FOUR = { amount: '4.00', currency: 'EUR' };
const ZERO = { amount: '0.00', currency: 'EUR' };
/** @type {Selling} */
const PLAIN = {
  kind: 'fixed',
  suggested: null,
  free_left: 0,
  left: null,
  is_sold_out: false,
  free_at: null,
  sells_from: null,
  sells_until: null,
  takes_tips: false,
};

/**
 * @param {Partial<Selling>} terms
 * @returns {Selling}
 */
function sold(terms) {
  return { ...PLAIN, ...terms };
}

/** @param {string} text  with whichever space the reader's format has */
function flat(text) {
  return text.replace(/\s/g, '');
}

describe('how a file is sold', () => {
  it('needs no words where it has one price', () => {
    assert.equal(isPlain(PLAIN), true);
    assert.equal(flat(priceWords(FOUR, PLAIN)), '€4.00');
    assert.deepEqual(besideWords(FOUR, PLAIN, NOW), []);
    assert.equal(closedWords(PLAIN, NOW), '');
    /** @type {Partial<Selling>[]} */
    const others = [
      { kind: 'free' },
      { kind: 'minimum' },
      { free_left: 1 },
      { left: 3 },
      { is_sold_out: true },
      { sells_from: '2026-03-02T12:00:00Z' },
      { sells_until: '2026-03-02T12:00:00Z' },
      { takes_tips: true },
    ];
    for (const terms of others) assert.equal(isPlain(sold(terms)), false);
  });

  it('says what is free, and what one pays then', () => {
    assert.equal(priceWords(ZERO, sold({ kind: 'free' })), 'Free');
    const first = sold({ free_left: 2 });
    assert.equal(priceWords(FOUR, first), 'Free');
    assert.equal(flat(besideWords(FOUR, first, NOW).join()), '2morecopiesarefree.€4.00then.');
    const named = sold({ free_left: 1, kind: 'minimum' });
    assert.deepEqual(besideWords(FOUR, named, NOW), [
      'One more copy is free. Buyers name the price then.',
    ]);
  });

  it('says who names the price, from what on', () => {
    assert.equal(flat(priceWords(FOUR, sold({ kind: 'minimum' }))), '€4.00ormore');
    assert.equal(priceWords(ZERO, sold({ kind: 'minimum' })), 'Name your price');
    assert.deepEqual(besideWords(ZERO, sold({ kind: 'minimum' }), NOW), [
      'You may also take it for nothing.',
    ]);
  });

  it('says how many are left only as long as there are some', () => {
    assert.deepEqual(besideWords(FOUR, sold({ left: 5 }), NOW), ['5 copies left.']);
    assert.deepEqual(besideWords(FOUR, sold({ left: 1 }), NOW), ['The last copy.']);
    assert.deepEqual(besideWords(FOUR, sold({ left: 0, is_sold_out: true }), NOW), []);
  });

  it('says why nobody can buy it now', () => {
    assert.equal(closedWords(sold({ is_sold_out: true }), NOW), 'Sold out.');
    const reserved = sold({ is_sold_out: true, free_at: '2026-03-01T12:25:00Z' });
    assert.match(closedWords(reserved, NOW), /^Sold out at the moment\. .* may come free at /);
    assert.match(closedWords(sold({ sells_from: '2026-03-01T12:00:01Z' }), NOW), /^On sale from /);
    assert.equal(closedWords(sold({ sells_from: '2026-03-01T12:00:00Z' }), NOW), '');
    const over = sold({ sells_until: '2026-03-01T12:00:00Z' });
    assert.match(closedWords(over, NOW), /^It was on sale until /);
  });
});
