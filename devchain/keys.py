"""Signatures of Bitcoin Cash: strict ECDSA, and Schnorr after the 2019 specification.

The Schnorr of Bitcoin Cash is not BIP 340: the challenge hashes the compressed public key, and R is
accepted when its y is a quadratic residue (spec 2019-05-15-schnorr.md).
"""

import hashlib

from coincurve import PrivateKey, PublicKey

from devchain.encoding import hash160, sha256

FIELD = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEFFFFFC2F
ORDER = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141


def is_strict_der(signature: bytes) -> bool:
    """BIP 66 on a signature without its hash type byte."""
    if not 8 <= len(signature) <= 72 or signature[0] != 0x30 or signature[1] != len(signature) - 2:
        return False
    r_length = signature[3]
    if 5 + r_length >= len(signature):
        return False
    s_length = signature[5 + r_length]
    if r_length + s_length + 6 != len(signature):
        return False
    r_field = signature[2 : 4 + r_length]
    return all(_is_der_integer(field) for field in (r_field, signature[4 + r_length :]))


def is_low_s(signature: bytes) -> bool:
    s = int.from_bytes(signature[6 + signature[3] :], "big")
    return s <= ORDER // 2


def is_public_key(key: bytes) -> bool:
    return (len(key) == 33 and key[0] in {2, 3}) or (len(key) == 65 and key[0] == 4)


def verify_ecdsa(key: bytes, signature: bytes, digest: bytes) -> bool:
    try:
        return bool(PublicKey(key).verify(signature, digest, hasher=None))
    except ValueError:
        return False


def verify_schnorr(key: bytes, signature: bytes, digest: bytes) -> bool:
    r, s = int.from_bytes(signature[:32], "big"), int.from_bytes(signature[32:], "big")
    if r >= FIELD or s >= ORDER:
        return False
    try:
        point = PublicKey(key)
        challenge = _challenge(signature[:32], point.format(), digest)
        terms = [PublicKey.from_secret(_scalar(s))] if s else []
        if challenge:
            terms.append(point.multiply(_scalar(ORDER - challenge)))
        x, y = PublicKey.combine_keys(terms).point()
    except ValueError:
        return False  # not a point, or the sum is the point at infinity
    return bool(x == r) and _is_square(y)


def sign_ecdsa(secret: bytes, digest: bytes) -> bytes:
    """Strict DER, low S, deterministic (RFC 6979)."""
    return bytes(PrivateKey(secret).sign(digest, hasher=None))


def sign_schnorr(secret: bytes, digest: bytes) -> bytes:
    """64 bytes, deterministic."""
    d = int.from_bytes(secret, "big")
    wide = hashlib.sha512(b"devchain schnorr nonce" + secret + digest).digest()
    k = int.from_bytes(wide, "big") % (ORDER - 1) + 1
    x, y = PublicKey.from_secret(_scalar(k)).point()
    if not _is_square(y):
        k = ORDER - k
    r = x.to_bytes(32, "big")
    e = _challenge(r, public_key(secret), digest)
    return r + _scalar((k + e * d) % ORDER)


def public_key(secret: bytes) -> bytes:
    return bytes(PrivateKey(secret).public_key.format())


def p2pkh(secret: bytes) -> bytes:
    """The locking script of the key."""
    return b"\x76\xa9\x14" + hash160(public_key(secret)) + b"\x88\xac"


def _is_der_integer(field: bytes) -> bool:
    tag, length, value = field[0], field[1], field[2:]
    if tag != 0x02 or length == 0 or value[0] & 0x80:
        return False
    return not (length > 1 and value[0] == 0 and not value[1] & 0x80)


def _challenge(r: bytes, compressed_key: bytes, digest: bytes) -> int:
    return int.from_bytes(sha256(r + compressed_key + digest), "big") % ORDER


def _scalar(number: int) -> bytes:
    return number.to_bytes(32, "big")


def _is_square(y: int) -> bool:
    return pow(y, (FIELD - 1) // 2, FIELD) == 1
