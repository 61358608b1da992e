import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Rate } from '../../static/js/io/rate.js';
import { delayMs, wait } from '../../static/js/net/backoff.js';
import * as format from '../../static/js/ui/format.js';
import { linkless } from '../../static/js/ui/linkless.js';
import { estimateSat, parsePrice } from '../../static/js/ui/price.js';

const SECRET = 'KNK_kGWdwgK4J-PXxt0Axg';

describe('a price', () => {
  it('is read as people write it and kept as a decimal string', () => {
    const eur = (/** @type {string} */ text) => parsePrice(text, 'EUR')?.amount ?? null;

    assert.equal(eur('4'), '4.00');
    assert.equal(eur('4,5'), '4.50');
    assert.equal(eur('1 000.00'), '1000.00');
    assert.equal(eur('0.10'), '0.10');
    for (const wrong of ['', '0', '0.00', '-1', '1.234', 'four', '1e3']) {
      assert.equal(eur(wrong), null);
    }
  });

  it('is read in every locale’s way of writing, where only one reading is possible', () => {
    const eur = (/** @type {string} */ text) => parsePrice(text, 'EUR')?.amount ?? null;
    for (const text of [
      '1.234,56',
      '1,234.56',
      "1'234.56",
      '1’234,56',
      '1 234,56',
      '١٬٢٣٤٫٥٦',
      '１２３４．５６'.replace('．', '.'),
    ]) {
      assert.equal(eur(text), '1234.56', text);
    }
    assert.equal(eur('1.234.567,80'), '1234567.80');
    for (const text of [
      '1.234',
      '1,234',
      '1.234.567',
      '12.34,56',
      '1,23,456.78',
      '1.2.3',
      '1,2,3',
      '-4',
      '1e9',
      '4€',
      '٤x',
    ]) {
      assert.equal(eur(text), null, text); // could be two prices, or is none
    }
    assert.equal(eur('1000000000'), null);
    assert.equal(eur('0'), null);
    assert.equal(parsePrice('0', 'EUR', { isZeroFine: true })?.amount, '0.00');
    assert.equal(parsePrice('1,000', 'BCH'), null);
  });

  it('in BCH has up to eight decimals and no idle noughts', () => {
    assert.equal(parsePrice('0.00100000', 'BCH')?.amount, '0.001');
    assert.equal(parsePrice('2', 'BCH')?.amount, '2');
    assert.equal(parsePrice('0.000000001', 'BCH'), null);
  });

  it('is estimated in whole satoshis, never below what is asked', () => {
    assert.equal(estimateSat({ amount: '2.00', currency: 'EUR' }, '431.20'), 463822);
    assert.equal(estimateSat({ amount: '0.001', currency: 'BCH' }, undefined), 100000);
    assert.equal(estimateSat({ amount: '2.00', currency: 'EUR' }, undefined), null);
  });
});

describe('numbers', () => {
  it('carry their unit', () => {
    assert.equal(format.bytes(0), '0 bytes');
    assert.equal(format.bytes(1), '1 byte');
    assert.equal(format.bytes(999), '999 bytes');
    assert.equal(format.bytes(2_940_000_000), '2.94 GB');
    assert.equal(format.progress(1_820_000_000, 2_940_000_000), '1.82 of 2.94 GB');
    assert.equal(format.rate(41_000_000), '41.0 MB/s');
    assert.equal(format.duration(27), '27 s');
    assert.equal(format.duration(180), '3 min');
    assert.equal(format.duration(6_480), '1 h 48 min');
    assert.equal(format.coins(912_300), '0.00912300 BCH');
    assert.equal(format.coins(210_000_000), '2.10000000 BCH');
  });

  it('shorten an address in the middle and keep its prefix', () => {
    const address = 'bitcoincash:qqyx49mu0kkn9ftfj6hje6g2wfer34yfnq5tahq3q6';

    assert.equal(format.shortened(address), 'bitcoincash:qqyx49…ahq3q6');
  });
});

describe('typed text', () => {
  it('loses the secret of a pasted link and keeps the rest', () => {
    const link = 'https://kim.example/f/ed3ec571-e086-4116-99d2-7894aebbed75';

    assert.equal(linkless(`see ${link}#1.${SECRET} now`), `see ${link} now`);
    assert.equal(linkless(`${link}%231.${SECRET}`), link);
    assert.equal(linkless(`the code is 1.${SECRET}`), 'the code is ');
  });

  it('about versions, prices and numbers is left alone', () => {
    for (const text of ['Version 1.2.3', '# 1. Chapter one', '1.99 EUR', 'a#1.short']) {
      assert.equal(linkless(text), text);
    }
  });
});

describe('a rate', () => {
  it('is told only once it can be known', () => {
    const rate = new Rate();
    rate.note(0, 0);
    assert.equal(rate.bytesPerSecond, 0);
    assert.equal(rate.secondsFor(100), null);

    rate.note(10_000_000, 1_000);
    rate.note(40_000_000, 2_000);

    assert.equal(rate.bytesPerSecond, 20_000_000);
    assert.equal(rate.secondsFor(60_000_000), 3);
  });

  it('forgets what is long past', () => {
    const rate = new Rate();
    for (let second = 0; second <= 60; second += 1) {
      rate.note(second < 30 ? second * 100 : 3_000 + (second - 30) * 10, second * 1_000);
    }

    assert.equal(rate.bytesPerSecond, 10);
  });
});

describe('waiting before another try', () => {
  it('doubles from one second to thirty, half of it by chance', () => {
    const longest = [0, 1, 2, 3, 4, 5, 6].map((attempt) => delayMs(attempt, () => 1));
    const shortest = [0, 5, 50].map((attempt) => delayMs(attempt, () => 0));

    assert.deepEqual(longest, [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
    assert.deepEqual(shortest, [500, 15_000, 15_000]);
  });

  it('ends at once when it is called off', async () => {
    const stop = new AbortController();
    const waiting = wait(60_000, stop.signal);

    stop.abort(new Error('enough'));

    await assert.rejects(waiting, { message: 'enough' });
  });
});
