"""The note of a purchase: L under the buyer's own seed, so that B alone opens it again.

The server keeps 44 bytes that only seed_n opens; docs/protocol.md, 3.8.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from unlock.container.keys import LINK_SECRET_BYTES, hkdf_sha256
from unlock.errors import WrongKey

NOTE_BYTES = 12 + LINK_SECRET_BYTES + 16


def derive_note_key(seed: bytes) -> bytes:
    """The key of the note of seed_n's purchase, 32 bytes."""
    return hkdf_sha256(seed, salt=b"", info=b"KIM1 note")


def seal_note(seed: bytes, link_secret: bytes, *, paid_file: bytes, gcm_iv: bytes) -> bytes:
    """L (16 bytes) sealed for whoever has seed_n; ``paid_file`` are the UUID's 16 bytes."""
    return gcm_iv + AESGCM(derive_note_key(seed)).encrypt(gcm_iv, link_secret, paid_file)


def open_note(seed: bytes, note: bytes, *, paid_file: bytes) -> bytes:
    """L. Raises WrongKey: another purchase's, another file's, or altered."""
    if len(note) != NOTE_BYTES:
        raise WrongKey("This is not a purchase's note.")
    try:
        return AESGCM(derive_note_key(seed)).decrypt(note[:12], note[12:], paid_file)
    except InvalidTag as error:
        raise WrongKey("The note does not belong to this purchase.") from error
