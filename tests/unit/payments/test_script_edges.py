"""Exact bytes of scripts, addresses and forwards that `make mutants` found nobody on."""

from __future__ import annotations

import pytest
from bitcash.base58 import b58encode_check
from bitcash.crypto import hash160

from payments import addresses, covenants
from payments.covenants import Forwarder
from payments.errors import BadAddress
from payments.states import Network

KEY = bytes.fromhex("0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798")  # 1·G
P2PKH = b"\x76\xa9\x14" + bytes(range(20)) + b"\x88\xac"
P2SH32 = b"\xaa\x20" + bytes(32) + b"\x87"


def test_a_public_key_is_paid_by_its_hash() -> None:
    assert (
        addresses.p2pkh_script(KEY).hex()
        == "76a914751e76e8199196d454941c45d1b3a323f1433bd688ac"  # BIP-173's example
    )


def test_what_satisfies_a_script_is_paid_by_its_hash() -> None:
    """BIP-16: the hash of the redeem script between HASH160 and EQUAL."""
    assert addresses.p2sh20_script(b"\x51") == b"\xa9\x14" + bytes(hash160(b"\x51")) + b"\x87"
    assert addresses.p2sh20_script(b"\x51").hex() == (
        "a914da1745e9b549bd0bfa1a569971c77eba30cd5a4b87"
    )


def test_a_prefix_is_part_of_the_checksum() -> None:
    """The letters of one network's address under the name of another's are no address at all."""
    for theirs in Network:
        payload = addresses.encode(P2PKH, theirs).split(":")[1]
        for name in set(addresses.PREFIXES.values()) - {addresses.PREFIXES[theirs]}:
            for ours in Network:
                with pytest.raises(BadAddress, match="typing error"):
                    addresses.parse(f"{name}:{payload}", ours)


def test_another_coins_prefix_is_called_so_and_not_a_typing_error() -> None:
    payload = addresses.encode(P2PKH, Network.MAINNET).split(":")[1]
    for prefix in ("ecash", "simpleledger", "bchsim"):
        with pytest.raises(BadAddress, match="not a Bitcoin Cash address"):
            addresses.parse(f"{prefix}:{payload}", Network.MAINNET)


def test_the_shortest_old_address_is_read() -> None:
    """Twenty-six letters, where most have thirty-four: leading zeros are one letter each."""
    hashed = bytes(19) + b"\1"
    text = b58encode_check(b"\0" + hashed)
    assert len(text) == 26
    assert addresses.parse(text, Network.MAINNET).script == b"\x76\xa9\x14" + hashed + b"\x88\xac"


@pytest.mark.parametrize(("fee_bytes", "is_one"), [(10, True), (11, True), (12, False)])
def test_a_redeem_script_ends_where_a_direct_push_does(fee_bytes: int, *, is_one: bool) -> None:
    """75 bytes are pushed by their count; 76 is another opcode (PUSHDATA1)."""
    made = Forwarder(bytes(16), P2SH32, 1 << 8 * fee_bytes - 2)
    assert len(made.redeem_script) == 64 + fee_bytes
    assert covenants.from_script_sig(made.script_sig) == (made if is_one else None)
