"""Addresses: the specification's figures, and everything that would lose coins refused."""

import json
from pathlib import Path

import pytest
from bitcash.base58 import b58encode_check
from bitcash.cashaddress import CHARSET, calculate_checksum, convertbits
from hypothesis import given
from hypothesis import strategies as st

from payments import addresses
from payments.errors import BadAddress, SecretGiven, WrongNetwork
from payments.states import Network

VECTORS = json.loads((Path(__file__).parents[2] / "vectors" / "cashaddr.json").read_text())
NETWORK_OF = {name: network for network, name in addresses.PREFIXES.items()}
HASH = bytes(range(20))
P2PKH = b"\x76\xa9\x14" + HASH + b"\x88\xac"
P2SH = b"\xa9\x14" + HASH + b"\x87"


def written(prefix: str, version: int, payload: bytes) -> str:
    """A CashAddr with a right checksum, whatever else is wrong with it."""
    data = convertbits([version, *payload], 8, 5)
    assert data is not None
    return f"{prefix}:" + "".join(CHARSET[v] for v in data + calculate_checksum(prefix, data))


@pytest.mark.parametrize("pair", VECTORS["legacy"], ids=lambda pair: pair["legacy"])
def test_legacy_and_cashaddr_name_the_same_script(pair: dict[str, str]) -> None:
    legacy = addresses.parse(pair["legacy"], Network.MAINNET)
    modern = addresses.parse(pair["cashaddr"], Network.MAINNET)

    assert legacy.script == modern.script
    assert (legacy.legacy, modern.legacy) == (True, False)
    assert str(legacy) == str(modern) == pair["cashaddr"]


@pytest.mark.parametrize("text", VECTORS["checksums"])
def test_a_right_checksum_alone_makes_no_address(text: str) -> None:
    for network in Network:
        with pytest.raises(BadAddress):
            addresses.parse(text, network)


@pytest.mark.parametrize("row", VECTORS["payloads"], ids=lambda row: row["cashaddr"][:24])
def test_only_the_lengths_that_exist_on_chain_are_read(row: dict[str, str | int]) -> None:
    text = str(row["cashaddr"])
    network = NETWORK_OF.get(text.split(":", maxsplit=1)[0])
    is_payable = network and (row["bytes"], row["type"]) in {(20, 0), (20, 1), (32, 1)}

    if network and is_payable:
        address = addresses.parse(text, network)
        assert bytes.fromhex(str(row["payload"])) in address.script
        assert str(address) == text
    else:
        for each in Network:
            with pytest.raises(BadAddress):
                addresses.parse(text, each)


@pytest.mark.parametrize("row", VECTORS["token_aware"], ids=lambda row: row["cashaddr"][:24])
def test_token_aware_addresses_map_to_the_plain_form(row: dict[str, str | int]) -> None:
    text = str(row["cashaddr"])
    network = NETWORK_OF[text.split(":", maxsplit=1)[0]]
    kind = (row["bytes"], row["type"])
    if kind == (32, 2):  # a 32-byte public key hash, which no script uses
        with pytest.raises(BadAddress):
            addresses.parse(text, network)
        return

    address = addresses.parse(text, network)

    assert bytes.fromhex(str(row["payload"])) in address.script
    assert str(address).split(":")[1][0] in "qp"
    assert addresses.parse(str(address), network) == address


def test_the_prefix_may_be_left_out_and_case_may_be_all_capital() -> None:
    whole = addresses.encode(P2PKH, Network.MAINNET)

    assert addresses.parse(whole.split(":")[1], Network.MAINNET).script == P2PKH
    assert addresses.parse(f"  {whole.upper()}\n", Network.MAINNET).script == P2PKH


@pytest.mark.parametrize("script", [P2PKH, P2SH, b"\xaa\x20" + bytes(32) + b"\x87"])
@pytest.mark.parametrize("theirs", Network)
@pytest.mark.parametrize("ours", Network)
def test_another_networks_address_is_refused_as_that(
    script: bytes, theirs: Network, ours: Network
) -> None:
    text = addresses.encode(script, theirs)

    for form in (text, text.split(":")[1]):
        if ours is theirs:
            assert addresses.parse(form, ours) == addresses.Address(ours, script)
        else:
            with pytest.raises(WrongNetwork):
                addresses.parse(form, ours)


def test_a_legacy_address_of_another_network_is_refused_as_that() -> None:
    main, test = b58encode_check(b"\x00" + HASH), b58encode_check(b"\xc4" + HASH)

    assert addresses.parse(main, Network.MAINNET).script == P2PKH
    assert addresses.parse(test, Network.CHIPNET).script == P2SH
    assert addresses.parse(test, Network.REGTEST).script == P2SH
    for text, network in ((main, Network.REGTEST), (test, Network.MAINNET)):
        with pytest.raises(WrongNetwork):
            addresses.parse(text, network)


@pytest.mark.parametrize(
    "text",
    ["bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"],
)
def test_a_segwit_address_is_named_as_bitcoins(text: str) -> None:
    with pytest.raises(WrongNetwork, match="BTC"):
        addresses.parse(text, Network.MAINNET)


@pytest.mark.parametrize("size", [1, 18, 19, 21, 25, 31, 32])
def test_a_wrong_length_is_refused_though_its_checksum_is_right(size: int) -> None:
    with pytest.raises(BadAddress):
        addresses.parse(written("bitcoincash", 0, bytes(size)), Network.MAINNET)


@pytest.mark.parametrize("version", [1, 2, 3, 7, 9, 10, 12, 32, 64, 128, 255])
def test_an_unknown_version_is_refused_though_its_checksum_is_right(version: int) -> None:
    with pytest.raises(BadAddress):
        addresses.parse(written("bitcoincash", version, HASH), Network.MAINNET)


def test_padding_bits_that_are_not_zero_are_refused() -> None:
    data = convertbits([0, *HASH], 8, 5)
    assert data is not None
    data[-1] |= 1
    text = "bitcoincash:" + "".join(
        CHARSET[v] for v in data + calculate_checksum("bitcoincash", data)
    )

    with pytest.raises(BadAddress):
        addresses.parse(text, Network.MAINNET)


def test_mixed_case_and_foreign_prefixes_are_refused() -> None:
    text = addresses.encode(P2PKH, Network.MAINNET)

    for bad in (text.replace("q", "Q", 1), "ecash:" + text.split(":")[1], "x:" + text, ""):
        with pytest.raises(BadAddress):
            addresses.parse(bad, Network.MAINNET)


@given(st.integers(0, 41), st.sampled_from(CHARSET))
def test_one_wrong_letter_is_always_noticed(at: int, letter: str) -> None:
    prefix, payload = addresses.encode(P2PKH, Network.MAINNET).split(":")
    typed = payload[:at] + letter + payload[at + 1 :]

    if typed == payload:
        return
    with pytest.raises(BadAddress):
        addresses.parse(f"{prefix}:{typed}", Network.MAINNET)


@given(st.text(max_size=130))
def test_no_text_breaks_the_reader(text: str) -> None:
    with pytest.raises((BadAddress, WrongNetwork, SecretGiven)):
        addresses.parse(text, Network.MAINNET)


@pytest.mark.parametrize(
    "raw",
    [
        b"\x80" + bytes(32),
        b"\x80" + bytes(32) + b"\x01",
        b"\xef" + bytes(32) + b"\x01",
        bytes.fromhex("0488ade4") + bytes(74),
        bytes.fromhex("04358394") + bytes(74),
        bytes.fromhex("04b2430c") + bytes(74),
    ],
)
def test_a_private_key_is_refused_and_never_repeated(raw: bytes) -> None:
    text = b58encode_check(raw)

    with pytest.raises(SecretGiven) as refusal:
        addresses.parse(f" {text} ", Network.MAINNET)

    assert text not in str(refusal.value)
    assert refusal.value.__cause__ is None


@pytest.mark.parametrize("count", [12, 15, 18, 21, 24])
def test_seed_words_are_refused_and_never_repeated(count: int) -> None:
    with pytest.raises(SecretGiven) as refusal:
        addresses.parse("abandon\n" * count, Network.MAINNET)

    assert "abandon" not in str(refusal.value)


def test_other_counts_of_words_are_just_no_address() -> None:
    with pytest.raises(BadAddress):
        addresses.parse("send it to my wallet please", Network.MAINNET)


def test_a_script_without_address_has_none() -> None:
    for script in (b"", b"\x6a", P2PKH + b"\x00", P2PKH[:-1] + b"\xad", P2SH[:-1] + b"\x88"):
        with pytest.raises(BadAddress):
            addresses.encode(script, Network.MAINNET)


def test_electrum_names_a_script_by_its_reversed_sha256() -> None:
    # The genesis block's output, as the Electrum protocol's documentation has it.
    script = bytes.fromhex("76a91462e907b15cbf27d5425399ebf6f0fb50ebb88f1888ac")

    assert (
        addresses.scripthash(script)
        == "8b01df4e368ea28f8dc0423bcf7a4923e3a12d307c875e47a0cfbf90b5c39161"
    )
