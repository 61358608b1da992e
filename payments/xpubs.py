"""Extended public keys: read, refused when unfit, and their children derived (BIP-32, public part).

A creator's wallet shows one key from which every receiving address follows; the spending keys do
not. Only non-hardened children are needed, so this is one HMAC and one point addition a step.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Final

from bitcash.base58 import b58decode_check, b58encode_check
from bitcash.crypto import hash160
from coincurve import PublicKey

from payments.addresses import encode, p2pkh_script, refuse_secrets
from payments.errors import BadXpub, WrongNetwork
from payments.states import Network

HARDENED: Final = 0x8000_0000
CHANGE: Final = 1  # BIP-44's chain that a wallet's own change goes to; 0 receives
MAX_DEPTH: Final = 3  # master, purpose, coin or account; deeper keys are chains or single addresses

_XPUB: Final = bytes.fromhex("0488b21e")
_TPUB: Final = bytes.fromhex("043587cf")
# SLIP-132: ypub, zpub, Ypub, Zpub, upub, vpub, Upub, Vpub
_SEGWIT: Final = frozenset(
    map(
        bytes.fromhex,
        [
            "049d7cb2",
            "04b24746",
            "0295b43f",
            "02aa7ed3",
            "044a5262",
            "045f1cf6",
            "024289ef",
            "02575483",
        ],
    )
)
# BIP-32 knows no regtest: wallets there show either form, and nothing can be lost by it.
_ACCEPTED: Final = {
    Network.MAINNET: frozenset({_XPUB}),
    Network.CHIPNET: frozenset({_TPUB}),
    Network.REGTEST: frozenset({_XPUB, _TPUB}),
}


@dataclass(frozen=True, slots=True)
class Xpub:
    """One extended public key; ``str()`` gives back its base58 text."""

    version: bytes
    depth: int
    parent_fingerprint: bytes
    child_number: int
    chain_code: bytes
    public_key: bytes

    def __str__(self) -> str:
        numbers = bytes([self.depth]) + self.parent_fingerprint + self.child_number.to_bytes(4)
        return str(b58encode_check(self.version + numbers + self.chain_code + self.public_key))


def parse(text: str, network: Network) -> Xpub:
    """Read a pasted xpub of ``network``, of depth 0 to 3.

    Raises ``SecretGiven`` for a private key or seed words, ``WrongNetwork``, ``BadXpub``.
    """
    refuse_secrets(text)
    try:
        raw = bytes(b58decode_check(text.strip()))
    except ValueError:
        # Not chained: bitcash repeats the text in its message.
        raise BadXpub("That is not an extended public key, or it has a typing error.") from None
    if raw[:4] in _SEGWIT:
        raise BadXpub("That key is for SegWit addresses, which Bitcoin Cash does not have.")
    if len(raw) != 78 or raw[:4] not in {_XPUB, _TPUB}:
        raise BadXpub("That is not an extended public key.")
    if raw[:4] not in _ACCEPTED[network]:
        raise WrongNetwork("That extended public key is not for {network}.", network=network)
    return _checked(
        Xpub(
            version=raw[:4],
            depth=raw[4],
            parent_fingerprint=raw[5:9],
            child_number=int.from_bytes(raw[9:13]),
            chain_code=raw[13:45],
            public_key=raw[45:],
        )
    )


def child(parent: Xpub, number: int) -> Xpub:
    """The non-hardened child ``number`` (BIP-32, CKDpub). Raises ``BadXpub`` for a hardened one,
    and for the one in 2**127 that has no valid key.
    """
    if not 0 <= number < HARDENED:
        raise BadXpub("Hardened children cannot be derived from a public key.")
    seed = hmac.digest(parent.chain_code, parent.public_key + number.to_bytes(4), hashlib.sha512)
    try:
        key = PublicKey(parent.public_key).add(seed[:32]).format(compressed=True)
    except ValueError as error:
        raise BadXpub(
            "Child {number} of this key does not exist; take the next.", number=number
        ) from error
    return Xpub(
        version=parent.version,
        depth=parent.depth + 1,
        parent_fingerprint=bytes(hash160(parent.public_key))[:4],
        child_number=number,
        chain_code=seed[32:],
        public_key=key,
    )


def derive_script(xpub: Xpub, index: int, *, chain: int = 0) -> bytes:
    """The P2PKH locking script of ``chain``/``index`` below ``xpub``; chain 0 receives."""
    return p2pkh_script(child(child(xpub, chain), index).public_key)


def derive_address(xpub: Xpub, index: int, *, network: Network, chain: int = 0) -> str:
    """The CashAddr of ``derive_script``."""
    return encode(derive_script(xpub, index, chain=chain), network)


def _checked(xpub: Xpub) -> Xpub:
    if xpub.depth > MAX_DEPTH:
        raise BadXpub("That key lies too deep: it is a chain or one address, not an account.")
    if xpub.depth == 0 and (xpub.child_number or any(xpub.parent_fingerprint)):
        raise BadXpub("That key contradicts itself: a master key has no parent.")
    try:
        PublicKey(xpub.public_key)
    except ValueError as error:
        raise BadXpub("That key is not a point of the curve.") from error
    return xpub
