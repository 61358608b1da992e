"""Extended public keys: BIP-32's figures, and everything unfit refused."""

import json
from pathlib import Path

import pytest
from bitcash.base58 import b58decode_check, b58encode_check

from payments import xpubs
from payments.errors import BadXpub, SecretGiven, WrongNetwork
from payments.states import Network

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "bip32.json").read_text())
ACCOUNT = VECTORS["account"]["xpub"]


def changed(text: str, at: int, new: bytes) -> str:
    raw = b58decode_check(text)
    return str(b58encode_check(raw[:at] + new + raw[at + len(new) :]))


@pytest.mark.parametrize("step", VECTORS["steps"], ids=lambda step: str(step["number"]))
def test_children_are_those_of_bip_32(step: dict[str, str | int]) -> None:
    raw = b58decode_check(str(step["parent"]))
    parent = xpubs.Xpub(
        version=raw[:4],
        depth=raw[4],
        parent_fingerprint=raw[5:9],
        child_number=int.from_bytes(raw[9:13]),
        chain_code=raw[13:45],
        public_key=raw[45:],
    )

    assert str(xpubs.child(parent, int(step["number"]))) == step["child"]


@pytest.mark.parametrize("key", VECTORS["keys"], ids=lambda key: key["xpub"][-8:])
def test_keys_of_depth_0_to_3_are_read_and_deeper_ones_refused(key: dict[str, str | int]) -> None:
    text, depth = str(key["xpub"]), int(key["depth"])

    if depth <= xpubs.MAX_DEPTH:
        xpub = xpubs.parse(f" {text}\n", Network.MAINNET)
        assert (xpub.depth, str(xpub)) == (depth, text)
    else:
        with pytest.raises(BadXpub, match="too deep"):
            xpubs.parse(text, Network.MAINNET)


def test_the_first_addresses_are_those_that_wallets_show() -> None:
    xpub = xpubs.parse(ACCOUNT, Network.MAINNET)

    shown = [xpubs.derive_address(xpub, i, network=Network.MAINNET) for i in range(3)]

    assert shown == VECTORS["account"]["first_addresses"]
    assert xpubs.derive_script(xpub, 0) != xpubs.derive_script(xpub, 0, chain=1)


def test_a_test_networks_key_is_its_own() -> None:
    tpub = changed(ACCOUNT, 0, bytes.fromhex("043587cf"))

    assert str(xpubs.parse(tpub, Network.CHIPNET)) == tpub
    assert str(xpubs.parse(tpub, Network.REGTEST)) == tpub
    assert str(xpubs.parse(ACCOUNT, Network.REGTEST)) == ACCOUNT
    for text, network in ((tpub, Network.MAINNET), (ACCOUNT, Network.CHIPNET)):
        with pytest.raises(WrongNetwork):
            xpubs.parse(text, network)


def test_an_extended_private_key_is_refused_as_a_secret() -> None:
    text = changed(ACCOUNT, 0, bytes.fromhex("0488ade4"))

    with pytest.raises(SecretGiven) as refusal:
        xpubs.parse(text, Network.MAINNET)

    assert text not in str(refusal.value)


@pytest.mark.parametrize("version", ["049d7cb2", "04b24746", "045f1cf6"])
def test_segwit_keys_are_named_as_such(version: str) -> None:
    with pytest.raises(BadXpub, match="SegWit"):
        xpubs.parse(changed(ACCOUNT, 0, bytes.fromhex(version)), Network.MAINNET)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "xpub",
        ACCOUNT[:-1],
        ACCOUNT[:-1] + "1",
        ACCOUNT + "1",
        ACCOUNT.replace("y", "0", 1),
        changed(ACCOUNT, 0, b"\x01\x02\x03\x04"),
        changed(ACCOUNT, 45, b"\x05"),
        changed(ACCOUNT, 45, b"\x02" + b"\xff" * 32),
        changed(ACCOUNT, 4, b"\x00"),
        changed(ACCOUNT, 4, b"\x00\x00\x00\x00\x00"),
        str(b58encode_check(b58decode_check(ACCOUNT)[:-1])),
    ],
)
def test_a_damaged_or_contradicting_key_is_refused(text: str) -> None:
    with pytest.raises(BadXpub):
        xpubs.parse(text, Network.MAINNET)


@pytest.mark.parametrize("number", [-1, xpubs.HARDENED, 2**32])
def test_hardened_children_do_not_exist_for_us(number: int) -> None:
    with pytest.raises(BadXpub):
        xpubs.child(xpubs.parse(ACCOUNT, Network.MAINNET), number)


def test_a_child_without_a_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    # One child in 2**127 has no key; only the hash can be bent to show it.
    monkeypatch.setattr("payments.xpubs.hmac.digest", lambda *_: b"\xff" * 64)

    with pytest.raises(BadXpub, match="take the next"):
        xpubs.child(xpubs.parse(ACCOUNT, Network.MAINNET), 0)
