"""Addresses and the scripts behind them: CashAddr and legacy base58, read strictly.

Source: the CashAddr specification (spec/cashaddr.md of bitcoincash.org) and CHIP-2022-02-CashTokens
for the token-aware z and r forms, which lock coins with the same script as q and p. bitcash does
the arithmetic; on its own it would also accept wrong lengths and non-zero padding, and coins sent
there are gone, so everything it reads must come back the same when written again.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

from bitcash.base58 import b58decode_check
from bitcash.cashaddress import Address as BitcashAddress
from bitcash.crypto import hash160
from bitcash.exceptions import InvalidAddress

from payments.errors import BadAddress, SecretGiven, WrongNetwork
from payments.states import Network

PREFIXES: Final = {
    Network.MAINNET: "bitcoincash",
    Network.CHIPNET: "bchtest",
    Network.REGTEST: "bchreg",
}
_SUFFIXES: Final = {Network.MAINNET: "", Network.CHIPNET: "-TESTNET", Network.REGTEST: "-REGTEST"}
_HASH_BYTES: Final = {"P2PKH": 20, "P2SH20": 20, "P2SH32": 32}
_CASHADDR: Final = re.compile(r"(?:([a-z]+):)?([qpzry9x8gf2tvdw0s3jn54khce6mua7l]+)")

# Base58 version bytes. The test networks share theirs.
_LEGACY: Final = {0x00: "P2PKH", 0x05: "P2SH20", 0x6F: "P2PKH", 0xC4: "P2SH20"}
_LEGACY_MAINNET: Final = frozenset({0x00, 0x05})

_WIF_VERSIONS: Final = frozenset({0x80, 0xEF})
_XPRV_VERSIONS: Final = frozenset(
    bytes.fromhex(version)
    # xprv, tprv, and SegWit's yprv, zprv, uprv, vprv (SLIP-132)
    for version in ("0488ade4", "04358394", "049d7878", "04b2430c", "044a4e28", "045f18bc")
)
_SEED_LENGTHS: Final = frozenset({12, 15, 18, 21, 24})


@dataclass(frozen=True, slots=True)
class Address:
    """A payable address: its network, its locking script, and whether it was pasted as base58.

    ``legacy`` matters to people only: BTC addresses look the same, so a page should ask.
    """

    network: Network
    script: bytes
    legacy: bool = False

    def __str__(self) -> str:
        """CashAddr with its prefix, in the plain q or p form that every wallet can pay."""
        return encode(self.script, self.network)


def parse(text: str, network: Network) -> Address:
    """Read a pasted address of ``network``.

    Raises ``SecretGiven`` for a private key or seed words, ``WrongNetwork`` for a good address of
    another chain, ``BadAddress`` for anything else.
    """
    refuse_secrets(text)
    text = text.strip()
    legacy = _parse_legacy(text, network)
    if legacy is not None:
        return legacy
    if text.lower().startswith(("bc1", "tb1", "bcrt1")):
        raise WrongNetwork("That is a Bitcoin (BTC) address, not a Bitcoin Cash one.")
    if text not in {text.lower(), text.upper()}:
        raise BadAddress("The address mixes capital and small letters.")
    match = _CASHADDR.fullmatch(text.lower())
    if match is None:
        raise BadAddress("That is not a Bitcoin Cash address.")
    return _parse_cashaddr(match[1], match[2], network)


def encode(script: bytes, network: Network) -> str:
    """The CashAddr of a locking script. Raises ``BadAddress`` for a script that has none."""
    try:
        kind, payload = _kind_of(script)
    except ValueError as error:
        raise BadAddress("That script has no address.") from error
    return str(BitcashAddress(kind + _SUFFIXES[network], list(payload)).cash_address())


def scripthash(script: bytes) -> str:
    """The name Electrum servers know a script by: SHA-256, byte-reversed hex."""
    return hashlib.sha256(script).digest()[::-1].hex()


def p2pkh_script(public_key: bytes) -> bytes:
    """The locking script that pays the holder of ``public_key``."""
    return b"\x76\xa9\x14" + bytes(hash160(public_key)) + b"\x88\xac"


def p2sh20_script(redeem_script: bytes) -> bytes:
    """The locking script that pays whatever satisfies ``redeem_script`` (BIP-16)."""
    return b"\xa9\x14" + bytes(hash160(redeem_script)) + b"\x87"


def refuse_secrets(text: str) -> None:
    """Raise ``SecretGiven`` when ``text`` is a private key or seed words. It is never repeated."""
    words = text.split()
    if len(words) in _SEED_LENGTHS and all(re.fullmatch("[^\\W\\d_]{2,12}", w) for w in words):
        raise SecretGiven("Those are seed words: whoever reads them can take all the coins.")
    decoded = _decode_base58(text.strip())
    if decoded is None:
        return
    if decoded[:4] in _XPRV_VERSIONS and len(decoded) == 78:
        raise SecretGiven("That is an extended private key: it can spend all the coins.")
    if decoded[0] in _WIF_VERSIONS and len(decoded) in {33, 34}:
        raise SecretGiven("That is a private key: it can spend the coins.")


def _parse_legacy(text: str, network: Network) -> Address | None:
    decoded = _decode_base58(text)
    if decoded is None or len(decoded) != 21 or decoded[0] not in _LEGACY:
        return None
    if (decoded[0] in _LEGACY_MAINNET) != (network is Network.MAINNET):
        raise WrongNetwork("That is an address of another network.")
    kind = _LEGACY[decoded[0]] + _SUFFIXES[network]
    script = bytes(BitcashAddress(kind, list(decoded[1:])).scriptcode)
    return Address(network, script, legacy=True)


def _parse_cashaddr(prefix: str | None, payload: str, network: Network) -> Address:
    """``prefix`` may be left out; then it is our network's, or nobody's if that fails."""
    if prefix is not None and prefix not in PREFIXES.values():
        raise BadAddress("That is not a Bitcoin Cash address.")
    for candidate, name in PREFIXES.items():
        if prefix not in {None, name}:
            continue
        script = _decode_cashaddr(f"{name}:{payload}")
        if script is None:
            continue
        if candidate is not network:
            raise WrongNetwork(
                "That is a {candidate} address; this site runs on {network}.",
                candidate=candidate,
                network=network,
            )
        return Address(network, script)
    raise BadAddress("The address has a typing error: its checksum does not match.")


def _decode_cashaddr(text: str) -> bytes | None:
    """The locking script, or None unless every bit of ``text`` is as the specification has it."""
    try:
        address = BitcashAddress.from_string(text)
    except InvalidAddress:
        return None
    kind = address.version.split("-")[0]
    if len(address.payload) != _HASH_BYTES[kind] or address.cash_address() != text:
        return None
    return bytes(address.scriptcode)


def _kind_of(script: bytes) -> tuple[str, bytes]:
    match len(script), script[:3], script[-2:]:
        case 25, b"\x76\xa9\x14", b"\x88\xac":
            return "P2PKH", script[3:23]
        case 23, _, _ if script[:2] == b"\xa9\x14" and script[22] == 0x87:
            return "P2SH20", script[2:22]
        case 35, _, _ if script[:2] == b"\xaa\x20" and script[34] == 0x87:
            return "P2SH32", script[2:34]
    raise ValueError("neither P2PKH nor P2SH")


def _decode_base58(text: str) -> bytes | None:
    if not 25 <= len(text) <= 112:
        return None
    try:
        return bytes(b58decode_check(text))
    except ValueError:
        return None
