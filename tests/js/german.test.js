import assert from 'node:assert/strict';
import { before, describe, it } from 'node:test';
import { linesOf } from '../../static/js/pages/embedding.js';
import { heard, learn, mark, t } from '../../static/js/texts/say.js';
import * as format from '../../static/js/ui/format.js';
import { parsePrice, typedPrice } from '../../static/js/ui/price.js';
import { said } from '../../static/js/ui/problem.js';

const page = /** @type {any} */ (globalThis);

describe('in a German page', () => {
  before(() => {
    page.document = { documentElement: { lang: 'de' } };
    learn({
      '1 byte': ['1 Byte', '{count} Byte'],
      bytes: 'Byte',
      '{done} of {all} {unit}': '{done} von {all} {unit}',
      'segment {1} is cut': 'Segment {1} ist abgeschnitten',
      'the file has {1} of {2} bytes': 'von {2} Byte sind {1} da',
      'Try it (again).': 'Noch einmal.',
    });
  });

  it('money, sizes and dates are written as Germans write them', () => {
    assert.equal(format.price({ amount: '1234.50', currency: 'EUR' }), '1.234,50 €');
    assert.equal(format.price({ amount: '4.00', currency: 'USD' }), '4,00 $');
    assert.equal(format.price({ amount: '0.05', currency: 'BCH' }), '0,05 BCH');
    assert.equal(format.coins(912_300), '0,00912300 BCH');
    assert.equal(format.bytes(1_500_000_000), '1,50 GB');
    assert.equal(format.bytes(999), '999 Byte');
    assert.equal(format.progress(1_820_000_000, 2_940_000_000), '1,82 von 2,94 GB');
    assert.equal(format.progress(3, 7), '3 von 7 Byte');
    assert.equal(format.rate(1_200_000), '1,2 MB/s');
    assert.equal(format.number(1_048_576), '1.048.576');
    const at = new Date(2026, 10, 23, 14, 5);
    assert.equal(format.date(at), '23.11.2026');
    assert.equal(format.date(at, { dateStyle: 'long' }), '23. November 2026');
    assert.equal(format.dateTime(at), '23.11.2026, 14:05');
    assert.equal(format.bar('2026-11-23', 'day'), '23. Nov.');
  });

  it('what is copied into a wallet keeps its point', () => {
    assert.equal(format.amount(912_300), '0.00912300');
  });

  it('a price that stands in a field is read back as itself', () => {
    for (const price of [
      { amount: '1234.50', currency: 'EUR' },
      { amount: '1.234', currency: 'BCH' },
    ]) {
      assert.deepEqual(parsePrice(typedPrice(price), price.currency), price);
    }
    assert.equal(typedPrice({ amount: '1234.50', currency: 'EUR' }), '1234,50');
    for (const typed of ['1,50', '1.50']) {
      assert.equal(parsePrice(typed, 'EUR')?.amount, '1.50', typed);
    }
  });

  it('an error made where no catalogue is is said in German where it is shown', () => {
    assert.equal(heard('segment 17 is cut'), 'Segment 17 ist abgeschnitten');
    assert.equal(heard('the file has 5 of 12 bytes'), 'von 12 Byte sind 5 da');
    assert.equal(heard('Try it (again).'), 'Noch einmal.');
    assert.equal(heard('Das sagt der Server.'), 'Das sagt der Server.');
    const failure = Object.assign(new Error('segment 3 is cut'), { hint: 'Try it (again).' });
    assert.deepEqual(said(failure), {
      message: 'Segment 3 ist abgeschnitten.',
      hint: 'Noch einmal.',
    });
  });

  it('the lines of a buy button have the German words', () => {
    learn({ Buy: 'Jetzt kaufen', 'Sold out': 'Ausverkauft' });
    const [button = ''] = linesOf('https://kim.example/f/abc#1.xyz', 'sha384-abc').split('\n');
    assert.equal(
      button,
      '<a class="kim-buy" href="https://kim.example/f/abc#1.xyz" data-sold-out="Ausverkauft">Jetzt kaufen</a>',
    );
  });

  it('a marked text is the same text', () => {
    assert.equal(mark('bytes'), 'bytes');
    assert.equal(t(mark('bytes')), 'Byte');
  });
});

describe('in an English page', () => {
  it('they are as they were', () => {
    page.document = { documentElement: { lang: 'en' } };
    assert.equal(format.price({ amount: '1234.50', currency: 'BCH' }), '1234.50 BCH');
    assert.equal(format.number(1_048_576), '1,048,576');
    assert.equal(format.decimal('1234.50'), '1234.50');
    assert.equal(typedPrice({ amount: '1234.50', currency: 'EUR' }), '1234.50');
  });
});
