"""HPKE (RFC 9180): S sealed to the server for safe keeping, and to the buyer after payment.

Base mode, DHKEM(P-256, HKDF-SHA256), HKDF-SHA256, AES-256-GCM, empty AAD; what is stored is
``enc || ciphertext``, 65 + 32 + 16 = 113 bytes. Public keys are 65-byte uncompressed points,
private keys 32-byte scalars.
"""

import hmac
import os
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hpke import AEAD, KDF, KEM, Suite
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from unlock.container.keys import derive_key_seed
from unlock.errors import WrongKey

SEALED_BYTES = 113
PUBLIC_KEY_BYTES = 65
PRIVATE_KEY_BYTES = 32

_SUITE = Suite(KEM.P256, KDF.HKDF_SHA256, AEAD.AES_256_GCM)
_KEM_SUITE_ID = b"KEM\x00\x10"
_P256_ORDER = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551


@dataclass(frozen=True)
class KeyPair:
    """A P-256 pair for HPKE; the private half stays out of ``repr``."""

    private_key: bytes
    public_key: bytes

    def __repr__(self) -> str:
        return f"KeyPair(public_key={self.public_key.hex()})"


def new_key_pair() -> KeyPair:
    """A fresh pair, for an instance."""
    return derive_key_pair(os.urandom(32))


def buyer_key_pair(seed: bytes) -> KeyPair:
    """The pair of one purchase, from its seed_n."""
    return derive_key_pair(derive_key_seed(seed))


def derive_key_pair(key_seed: bytes) -> KeyPair:
    """RFC 9180, 7.1.3, DeriveKeyPair for P-256."""
    pseudo_random = hmac.digest(b"", b"HPKE-v1" + _KEM_SUITE_ID + b"dkp_prk" + key_seed, "sha256")
    for counter in range(256):
        info = struct.pack(">H", 32) + b"HPKE-v1" + _KEM_SUITE_ID + b"candidate" + bytes([counter])
        candidate = HKDFExpand(SHA256(), 32, info).derive(pseudo_random)
        if 0 < int.from_bytes(candidate) < _P256_ORDER:
            return KeyPair(candidate, public_key_of(candidate))
    raise WrongKey("No key pair follows from this seed.")


def public_key_of(private_key: bytes) -> bytes:
    """The 65-byte point of a 32-byte scalar."""
    public_key = _load_private(private_key).public_key()
    return public_key.public_bytes(Encoding.X962, PublicFormat.UncompressedPoint)


def check_public_key(public_key: bytes) -> bytes:
    """Return the 65 bytes unchanged if they are a point of the curve. Raises WrongKey."""
    _load_public(public_key)
    return public_key


def deposit_info(paid_file: UUID, content_id: bytes) -> bytes:
    return b"KIM1 deposit" + paid_file.bytes + content_id


def release_info(paid_file: UUID, purchase: UUID, content_id: bytes) -> bytes:
    return b"KIM1 release" + paid_file.bytes + purchase.bytes + content_id


def seal_deposit(
    instance_public_key: bytes, *, paid_file: UUID, content_id: bytes, release_secret: bytes
) -> bytes:
    """Seal S for the server's own safe keeping: 113 bytes."""
    info = deposit_info(paid_file, content_id)
    return _SUITE.encrypt(release_secret, _load_public(instance_public_key), info=info)


def open_deposit(
    private_keys: Sequence[bytes], sealed: bytes, *, paid_file: UUID, content_id: bytes
) -> bytes:
    """Return S, trying the instance's private keys in order, newest first. Raises WrongKey."""
    info = deposit_info(paid_file, content_id)
    for private_key in private_keys:
        try:
            return _open(private_key, sealed, info)
        except WrongKey:
            continue
    raise WrongKey("No key of this server opens the deposit.")


def seal_release(
    buyer_public_key: bytes,
    *,
    paid_file: UUID,
    purchase: UUID,
    content_id: bytes,
    release_secret: bytes,
) -> bytes:
    """Seal S to a buyer: 113 bytes, bound to file, purchase and content."""
    info = release_info(paid_file, purchase, content_id)
    return _SUITE.encrypt(release_secret, _load_public(buyer_public_key), info=info)


def open_release(
    private_key: bytes, sealed: bytes, *, paid_file: UUID, purchase: UUID, content_id: bytes
) -> bytes:
    """Return S as the buyer's browser does. Raises WrongKey.

    HPKE's base mode authenticates nobody: compare ``hash_commitment`` of the result.
    """
    return _open(private_key, sealed, release_info(paid_file, purchase, content_id))


def _open(private_key: bytes, sealed: bytes, info: bytes) -> bytes:
    if len(sealed) != SEALED_BYTES:
        raise WrongKey("The sealed secret has the wrong length.")
    try:
        return _SUITE.decrypt(sealed, _load_private(private_key), info=info)
    except (InvalidTag, ValueError) as error:
        raise WrongKey("The sealed secret does not open with this key.") from error


def _load_private(private_key: bytes) -> ec.EllipticCurvePrivateKey:
    number = int.from_bytes(private_key)
    if len(private_key) != PRIVATE_KEY_BYTES or not 0 < number < _P256_ORDER:
        raise WrongKey("This is not a private key of the curve P-256.")
    return ec.derive_private_key(number, ec.SECP256R1())


def _load_public(public_key: bytes) -> ec.EllipticCurvePublicKey:
    if len(public_key) != PUBLIC_KEY_BYTES:
        raise WrongKey("A public key has 65 bytes, uncompressed.")
    try:
        return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), public_key)
    except ValueError as error:
        raise WrongKey("This is not a point of the curve P-256.") from error
