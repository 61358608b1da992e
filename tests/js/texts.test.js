import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import {
  fromBase64url,
  fromHex,
  toBase64url,
  toHex,
  u64,
  readU64,
} from '../../static/js/crypto/bytes.js';
import * as errors from '../../static/js/crypto/errors.js';
import {
  buildKeyFile,
  buildLicence,
  buildReleaseFile,
  parseKeyFile,
  parseLicence,
  parseReleaseFile,
} from '../../static/js/crypto/files.js';
import {
  findLinkSecret,
  parseReturnFragment,
  parseReturnLink,
  codeIn,
  parseShareFragment,
  parseShareLink,
  returnLink,
  shareLink,
  withCode,
} from '../../static/js/crypto/links.js';
import { fromWords, toWords } from '../../static/js/crypto/words.js';
import { dice, vectors } from './support.js';

const known = vectors('keys');

/** @param {string} name  @returns {any} the error class of that name */
function errorNamed(name) {
  return Object.entries(errors).find(([key]) => key === name)?.[1];
}

describe('words', () => {
  for (const { entropy, words } of known.words) {
    it(`${words.slice(0, 24)}… are the published ones, both ways`, () => {
      assert.equal(toWords(fromHex(entropy)), words);
      assert.equal(toHex(fromWords(words)), entropy);
    });
  }

  it('are read as people type them', () => {
    const root = dice(5).bytes(32);
    const typed = toWords(root)
      .split(' ')
      .map((word, at) => `${at + 1}. ${word.toUpperCase()},`)
      .join('\n');
    assert.deepEqual(fromWords(`  ${typed} `), root);
  });

  it('tell what is wrong with them', () => {
    const words = toWords(new Uint8Array(32)).split(' ');
    /** @type {Array<[string[], string, number?]>} */
    const wrong = [
      [words.slice(1), 'count'],
      [[...words, 'art'], 'count'],
      [words.with(6, 'abandn'), 'unknown', 7],
      [words.with(23, 'abandon'), 'checksum'],
      [words.with(0, 'ability'), 'checksum'],
      [[], 'count'],
    ];
    for (const [typed, reason, position] of wrong) {
      assert.throws(
        () => fromWords(typed.join(' ')),
        (/** @type {any} */ error) => {
          assert.ok(error instanceof errors.WordsMalformed);
          assert.deepEqual([error.reason, error.position], [reason, position]);
          return true;
        },
      );
    }
  });
});

describe('links', () => {
  for (const { url, id, l, seed, expect } of known.links) {
    it(`${url.slice(19, 22)}…${url.slice(58)} ${expect ?? 'is read'}`, () => {
      const parse = url.includes('/f/') ? parseShareLink : parseReturnLink;
      if (expect) {
        assert.throws(() => parse(url), errorNamed(expect));
        return;
      }
      /** @type {any} */
      const found = parse(url);
      assert.equal(found.paidFileId ?? found.purchaseId, id);
      assert.equal(toHex(found.link), l);
      assert.equal(found.seed ? toHex(found.seed) : null, seed);
    });
  }

  it('are read as they were written', () => {
    const [link, seed] = [dice(1).bytes(16), dice(2).bytes(32)];
    const share = shareLink('https://kim.example', 'abc', link);
    assert.equal(share.length, 'https://kim.example/f/abc#1.'.length + 22);
    assert.deepEqual(parseShareLink(share), {
      origin: 'https://kim.example',
      paidFileId: 'abc',
      link,
    });
    const back = returnLink('https://kim.example', 'xyz', link, seed);
    assert.deepEqual(parseReturnLink(back), {
      origin: 'https://kim.example',
      purchaseId: 'xyz',
      link,
      seed,
    });
    assert.deepEqual(parseShareFragment(new URL(share).hash), link);
    assert.deepEqual(parseReturnFragment(new URL(back).hash.slice(1)), { link, seed });
  });

  it('may carry a discount code, which is no part of the key', () => {
    const link = dice(1).bytes(16);
    const share = shareLink('https://kim.example', 'abc', link);
    const coded = withCode(share, 'ABCDEFGHIJKLMN27');
    for (const text of [coded, `${coded}).`]) {
      const { hash } = new URL(text);
      assert.deepEqual(parseShareFragment(hash), link);
      assert.equal(codeIn(hash), 'ABCDEFGHIJKLMN27');
    }
    assert.equal(codeIn(new URL(share).hash), '');
    for (const bad of [
      `${share}.ABC`,
      `${share}.${'A'.repeat(43)}`,
      `${coded}.${'A'.repeat(16)}`,
    ]) {
      assert.throws(() => parseShareFragment(new URL(bad).hash), errors.LinkMalformed, bad);
    }
    assert.deepEqual(findLinkSecret(`see ${coded} now`), {
      found: true,
      text: 'see https://kim.example/f/abc now',
    });
  });

  it('to something else are not taken', () => {
    const link = shareLink('https://kim.example', 'abc', dice(1).bytes(16));
    for (const text of [
      '',
      'kim',
      link.replace('/f/', '/p/'),
      link.replace('/f/', '/g/'),
      link.replace('abc', 'a/b'),
      link.replace('https:', 'javascript:'),
    ]) {
      assert.throws(() => parseShareLink(text), errors.LinkMalformed, text);
    }
  });
});

describe('text that people type', () => {
  const link = dice(1).bytes(16);
  const share = shareLink('https://kim.example', 'abc', link);
  const back = returnLink('https://kim.example', 'xyz', link, dice(2).bytes(32));

  it('loses the secrets of links and nothing else', () => {
    assert.deepEqual(findLinkSecret(`See ${share}, or ${back}. Bye`), {
      found: true,
      text: 'See https://kim.example/f/abc, or https://kim.example/p/xyz. Bye',
    });
  });

  it('also where the # was escaped, or only the fragment was pasted, or it was cut', () => {
    for (const text of [
      share.replace('#', '%23'),
      share.slice(share.indexOf('#')),
      share.slice(0, -1),
    ]) {
      const { found, text: rest } = findLinkSecret(text);
      assert.ok(found);
      assert.ok(!rest.includes(toBase64url(link).slice(0, 8)), rest);
    }
  });

  it('also standing alone, spaced, escaped or spread by invisible characters', () => {
    const secret = toBase64url(link);
    for (const text of [
      `the key: 1.${secret}`,
      `# 1.${secret}`,
      `%231%2E${secret}`,
      `#1.${secret.slice(0, 9)}\u200b${secret.slice(9)}`,
      `＃１．${secret}`,
    ]) {
      const { found, text: rest } = findLinkSecret(text);
      assert.ok(found, text);
      assert.ok(!rest.includes(secret.slice(12)), rest);
    }
  });

  it('stays as it is without one', () => {
    for (const text of [
      '',
      'We are #1.',
      '#1.5 million',
      'https://kim.example/f/abc#top',
      'Chapter #1.Introduction',
      'of version 1.aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa',
      'ﬁne print',
    ]) {
      assert.deepEqual(findLinkSecret(text), { found: false, text });
    }
  });
});

describe('a licence', () => {
  const { licence } = known;

  it('is the vector’s, byte for byte, both ways', () => {
    const parsed = parseLicence(licence.licence_text);
    assert.equal(toHex(parsed.contentKey), licence.m);
    assert.equal(new TextDecoder().decode(parsed.receipt), licence.receipt_text);
    assert.equal(toHex(parsed.signature), licence.receipt_signature);
    assert.equal(buildLicence(parsed), licence.licence_text);
  });

  for (const { licence_text: text, expect } of licence.malformed) {
    it(`like ${text || 'nothing'} gives ${expect}`, () => {
      assert.throws(() => parseLicence(text), errorNamed(expect));
    });
  }

  it('without one of its members is refused', () => {
    const members = JSON.parse(licence.licence_text);
    for (const name of Object.keys(members).filter((key) => key !== 'v')) {
      const rest = JSON.stringify({ ...members, [name]: undefined });
      assert.throws(() => parseLicence(rest), errors.LicenceMalformed, name);
    }
  });
});

describe('a release file', () => {
  it('is the vector’s, byte for byte, both ways', () => {
    const text = known.licence.release_text;
    const { contentId, release } = parseReleaseFile(text);
    assert.equal(buildReleaseFile(contentId, release), text);
    assert.throws(() => parseReleaseFile(text.slice(0, -9)), errors.LicenceMalformed);
    assert.throws(() => parseReleaseFile(known.licence.licence_text), errors.LicenceMalformed);
  });
});

describe('a key file', () => {
  const root = dice(3).bytes(32);
  const payouts = [{ seed: 'abc', payee: 'bchreg:q…', max_fee_sat: 1000 }];

  it('is read as it was written, for creators and buyers', () => {
    const text = buildKeyFile({ role: 'creator', root, payouts });
    assert.deepEqual(parseKeyFile(text), { role: 'creator', root, payouts });
    assert.equal(JSON.parse(text).words, toWords(root));
    const buyer = buildKeyFile({ role: 'buyer', root, payouts: [] });
    assert.deepEqual(parseKeyFile(buyer), { role: 'buyer', root, payouts: [] });
    assert.equal('payouts' in JSON.parse(buyer), false);
  });

  it('with words that are not the root’s is refused, as is anything else', () => {
    const members = JSON.parse(buildKeyFile({ role: 'creator', root, payouts }));
    for (const change of [
      { words: toWords(new Uint8Array(32)) },
      { root: 'AAAA' },
      { role: 'thief' },
      { payouts: [{}] },
      { kim: 'licence' },
    ]) {
      const text = JSON.stringify({ ...members, ...change });
      assert.throws(() => parseKeyFile(text), errors.KeyFileMalformed, text);
    }
    assert.throws(() => parseKeyFile('kim'), errors.KeyFileMalformed);
    assert.throws(() => parseKeyFile('{"kim":"root","v":2}'), errors.UnsupportedVersion);
  });
});

describe('notations', () => {
  it('of base64url have one spelling each', () => {
    for (let size = 0; size < 40; size += 1) {
      const bytes = dice(size).bytes(size);
      assert.deepEqual(fromBase64url(toBase64url(bytes)), bytes);
    }
    for (const text of ['A', 'AB', 'AA==', 'A+/A', 'AAAAA', ' AAAA']) {
      assert.throws(() => fromBase64url(text), RangeError, text);
    }
  });

  it('of sizes are exact to 2^53-1 and absurd beyond', () => {
    for (const size of [0, 1, 2 ** 32 - 1, 2 ** 32, 2 ** 53 - 1]) {
      assert.equal(readU64(u64(size), 0), size);
    }
    assert.throws(() => u64(2 ** 53), RangeError);
    assert.throws(() => u64(-1), RangeError);
    assert.equal(readU64(new Uint8Array(8).fill(255), 0), Infinity);
  });
});
