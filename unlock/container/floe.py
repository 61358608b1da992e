"""The core of FLOE (https://c2sp.org/FLOE): one derived AES-256-GCM key and IV per segment.

KIM1 uses rotation mask 0, a key of its own for every segment; FLOE publishes mask 20. The mask and
the segment length are fields only so that the published known answers can be run against this code.
"""

import hmac
import struct
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

IV_BYTES = 32
TAG_BYTES = 32
SEGMENT_OVERHEAD_BYTES = 32
NOT_FINAL = 0xFFFFFFFF

_SEGMENT_HEAD = struct.Struct(">I12s")
_GCM_IV_BYTES = 12


@dataclass(frozen=True)
class Floe:
    """A FLOE session: 32-byte ``key``, 32-byte ``iv``, ``aad``, encrypted segment length."""

    key: bytes
    iv: bytes
    aad: bytes
    segment_bytes: int
    rotation_mask: int = 0

    @property
    def params(self) -> bytes:
        """AES-256-GCM, SHA-384, the segment's length and the IV's: 10 bytes."""
        return b"\0\0" + struct.pack(">II", self.segment_bytes, IV_BYTES)

    def header_tag(self) -> bytes:
        """The 32-byte commitment to key, parameters, IV and AAD."""
        return self._derive(self.key, b"HEADER_TAG:", TAG_BYTES)

    def message_key(self) -> bytes:
        return self._derive(self.key, b"MESSAGE_KEY:", 48)

    def segment_key(self, message_key: bytes, number: int) -> bytes:
        """DEK_i, 32 bytes."""
        rotated = number >> self.rotation_mask << self.rotation_mask
        return self._derive(message_key, b"DEK:" + struct.pack(">Q", rotated), 32)

    def _derive(self, key: bytes, purpose: bytes, size_bytes: int) -> bytes:
        # One block of HKDF-Expand-SHA-384; no output here is longer than its 48 bytes.
        info = self.params + self.iv + purpose + self.aad
        return hmac.digest(key, info + b"\x01", "sha384")[:size_bytes]


def seal_segment(
    segment_key: bytes, number: int, plaintext: bytes, *, is_final: bool, gcm_iv: bytes
) -> bytes:
    """Return the stored segment. ``gcm_iv`` is 12 fresh random bytes, never used twice."""
    length = len(plaintext) + SEGMENT_OVERHEAD_BYTES if is_final else NOT_FINAL
    sealed = AESGCM(segment_key).encrypt(gcm_iv, plaintext, _segment_aad(number, is_final=is_final))
    return b"".join((_SEGMENT_HEAD.pack(length, gcm_iv), sealed))


def open_segment(
    segment_key: bytes, number: int, stored: bytes | memoryview, *, is_final: bool
) -> bytes | None:
    """Return the plaintext, or None where the length word or the tag is wrong."""
    if len(stored) < SEGMENT_OVERHEAD_BYTES:
        return None
    length, gcm_iv = _SEGMENT_HEAD.unpack_from(stored)
    if length != (len(stored) if is_final else NOT_FINAL):
        return None
    sealed = memoryview(stored)[_SEGMENT_HEAD.size :]
    try:
        aad = _segment_aad(number, is_final=is_final)
        return AESGCM(segment_key).decrypt(gcm_iv, sealed, aad)
    except InvalidTag:
        return None


def _segment_aad(number: int, *, is_final: bool) -> bytes:
    return struct.pack(">QB", number, is_final)
