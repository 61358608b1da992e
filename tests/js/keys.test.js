import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fromHex, toBase64url, toHex } from '../../static/js/crypto/bytes.js';
import { Forged, WrongKey } from '../../static/js/crypto/errors.js';
import { parseHeader } from '../../static/js/crypto/header.js';
import { deriveKeyPair, openRelease, releaseInfo } from '../../static/js/crypto/hpke.js';
import * as keys from '../../static/js/crypto/keys.js';
import { openMeta, sealMeta } from '../../static/js/crypto/meta.js';
import { work } from '../../static/js/crypto/passwords.js';
import * as vault from '../../static/js/crypto/vault.js';
import { vectors, withRandom } from './support.js';

const known = vectors('keys');

describe('keys of a creator', () => {
  for (const { root, file_id: id, generation, m, s, l, h_s: hash } of known.creator) {
    it(`follow from R for file ${id.slice(0, 8)}, generation ${generation}`, () => {
      const [r, fileId] = [fromHex(root), fromHex(id)];
      assert.equal(toHex(keys.contentKey(r, fileId)), m);
      assert.equal(toHex(keys.releaseSecret(r, fileId, generation)), s);
      assert.equal(toHex(keys.linkSecret(r, fileId, generation)), l);
      assert.equal(toHex(keys.releaseHash(fromHex(s))), hash);
    });
  }

  it('are fresh for every root', () => {
    assert.equal(keys.newRoot().length, 32);
    assert.notDeepEqual(keys.newRoot(), keys.newRoot());
  });
});

describe('the vault of a creator', () => {
  for (const one of known.vault) {
    const key = fromHex(one.vault_key);
    it(`follows from the password ${one.password_text}`, async () => {
      const settings = { memoryKib: one.memory_kib, passes: one.passes, scheme: 2 };
      const worked = work(one.password_text, { salt: fromHex(one.salt), ...settings });
      assert.equal(toHex(worked.proof), one.proof);
      assert.equal(toHex(/** @type {any} */ (worked.vaultKey)), one.vault_key);
    });

    it(`is sealed and opened as written down, for ${one.password_text}`, async () => {
      const root = fromHex(one.root);
      await withRandom([one.iv], async () => {
        const sealed = await vault.sealRoot(key, ` ${one.username_text.toUpperCase()}`, root);
        assert.equal(toHex(sealed), one.sealed_root);
      });
      const opened = await vault.openRoot(key, one.username_text, fromHex(one.sealed_root));
      assert.deepEqual(opened, root);
      assert.equal(toHex(vault.recoverySecret(root)), one.recovery);
      assert.equal(vault.recoveryHash(root), one.recovery_hash);
    });
  }

  it('opens for nobody else, with no other key, and not once it was changed', async () => {
    const [one, other] = known.vault;
    const [key, sealed] = [fromHex(one.vault_key), fromHex(one.sealed_root)];
    assert.equal(await vault.openRoot(key, 'eve', sealed), null);
    assert.equal(await vault.openRoot(fromHex(other.vault_key), one.username_text, sealed), null);
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = sealed.slice();
      changed[at] = /** @type {number} */ (changed[at]) ^ 1;
      assert.equal(await vault.openRoot(key, one.username_text, changed), null);
    }
  });

  it('has a key that the proof of neither scheme tells', () => {
    const [one] = known.vault;
    const settings = { salt: fromHex(one.salt), memoryKib: one.memory_kib, passes: one.passes };
    const first = work(one.password_text, { ...settings, scheme: 1 });
    assert.equal(first.vaultKey, null);
    assert.equal(new Set([toHex(first.proof), one.proof, one.vault_key]).size, 3);
  });
});

describe('keys of a buyer', () => {
  for (const one of known.buyer) {
    it(`follow from B for purchase ${one.n}`, async () => {
      const seed = keys.purchaseSeed(fromHex(one.buyer_root), one.n);
      const claim = keys.claimSecret(seed);
      assert.equal(toHex(seed), one.seed);
      assert.equal(toHex(claim), one.claim);
      assert.equal(toBase64url(claim), one.claim_base64url);
      assert.equal(toHex(keys.claimHash(claim)), one.claim_hash);
      assert.equal(toHex(keys.buyerKeySeed(seed)), one.key_seed);
      assert.equal(toHex((await deriveKeyPair(fromHex(one.key_seed))).publicKey), one.public_key);
    });
  }

  it('agree with the published DeriveKeyPair', async () => {
    for (const one of known.hpke_derive_key_pair) {
      assert.equal(toHex((await deriveKeyPair(fromHex(one.ikm))).publicKey), one.public_key);
    }
  });
});

describe('a wrapped key', () => {
  const { core, m, s, l, kek, wrap_iv: iv, w } = known.wrap;
  const header = parseHeader(fromHex(core));
  const under = { release: fromHex(s), link: fromHex(l), header };

  it('is the vector’s, byte for byte', async () => {
    assert.equal(toHex(keys.wrappingKey(under.release, under.link, header)), kek);
    await withRandom([iv], async () => {
      assert.equal(toHex(await keys.wrap(fromHex(m), under)), w);
    });
  });

  it('opens with S and L together, whichever copy is good', async () => {
    const broken = fromHex(w).fill(0, 20, 21);
    assert.equal(toHex(await keys.unwrap([fromHex(w)], under)), m);
    assert.equal(toHex(await keys.unwrap([new Uint8Array(3), broken, fromHex(w)], under)), m);
  });

  it('is refused with another S, another L, or none', async () => {
    const other = { ...under, release: fromHex(m) };
    await assert.rejects(keys.unwrap([fromHex(w)], other), WrongKey);
    const cut = { ...under, link: new Uint8Array(16) };
    await assert.rejects(keys.unwrap([fromHex(w)], cut), WrongKey);
    await assert.rejects(keys.unwrap([], under), WrongKey);
  });

  it('is refused if it opens to a key that is not the header’s', async () => {
    const foreign = await keys.wrap(new Uint8Array(32), under);
    await assert.rejects(keys.unwrap([foreign], under), WrongKey);
    assert.equal(toHex(await keys.unwrap([foreign, fromHex(w)], under)), m);
  });
});

describe('META_LINK', () => {
  const { core, l, meta_iv: iv, meta_text: text, meta_link: sealed } = known.wrap;
  const header = parseHeader(fromHex(core));

  it('is the vector’s, byte for byte, both ways', async () => {
    const { v, ...meta } = JSON.parse(text);
    assert.equal(v, 1);
    assert.deepEqual(await openMeta(fromHex(sealed), fromHex(l), header), meta);
    await withRandom([iv], async () => {
      assert.equal(toHex(await sealMeta(meta, fromHex(l), header)), sealed);
    });
  });

  it('keeps fifty names, and the count of all', async () => {
    const files = Array.from({ length: 60 }, (_, at) => ({ path: `f${at}`, size: at }));
    const meta = { title: '', name: 'many', type: '', files, count: 60 };
    const again = await openMeta(await sealMeta(meta, fromHex(l), header), fromHex(l), header);
    assert.equal(again.files.length, 50);
    assert.equal(again.count, 60);
  });
});

describe('a release', () => {
  const { release, buyer } = known;
  const context = {
    paidFileId: release.paid_file,
    purchaseId: release.purchase,
    contentId: fromHex(release.content_id),
  };

  it('sealed elsewhere opens here', async () => {
    const pair = await deriveKeyPair(fromHex(buyer[0].key_seed));
    assert.equal(toHex(pair.publicKey), release.public_key);
    assert.equal(toHex(releaseInfo(context)), release.info);
    const opened = await openRelease(fromHex(release.sealed), pair, context);
    assert.equal(toHex(opened), release.s);
    keys.checkRelease(opened, fromHex(release.h_s));
  });

  it('does not open for another purchase, file, content or buyer', async () => {
    const pair = await deriveKeyPair(fromHex(buyer[0].key_seed));
    const sealed = fromHex(release.sealed);
    const other = '00000000-0000-4000-8000-000000000000';
    for (const change of [
      { purchaseId: other },
      { paidFileId: other },
      { contentId: new Uint8Array(32) },
    ]) {
      await assert.rejects(openRelease(sealed, pair, { ...context, ...change }), WrongKey);
    }
    const stranger = await deriveKeyPair(fromHex(buyer[1].key_seed));
    await assert.rejects(openRelease(sealed, stranger, context), WrongKey);
    await assert.rejects(openRelease(sealed.slice(0, 112), pair, context), WrongKey);
    await assert.rejects(openRelease(new Uint8Array(0), pair, context), WrongKey);
  });

  it('with another secret than promised is called forged', () => {
    const hash = fromHex(release.h_s);
    assert.throws(() => keys.checkRelease(new Uint8Array(32), hash), Forged);
  });
});
