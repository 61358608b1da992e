"""Known answers: what the network itself, the specifications or another library say."""

from collections.abc import Callable

import pytest
from bitcash import PrivateKeyRegtest
from bitcash.cashaddress import Address
from bitcash.network.meta import Unspent  # noqa: TID251 - a record; nothing is asked of a network

from devchain import address, block, keys, script
from devchain.encoding import sha256
from devchain.errors import Malformed
from devchain.node import Node, parse_uri
from devchain.transaction import Output, Token

HASH_20 = bytes(range(20))
HASH_32 = bytes(range(32))


def test_genesis_is_the_one_of_regtest() -> None:
    genesis = block.genesis()

    assert genesis.hash == "0f9188f13cb7b2c71f2a335e3a4fc328bf5beb436012afca590b1a11466e2206"
    assert genesis.header.raw.hex() == (
        "0100000000000000000000000000000000000000000000000000000000000000000000003ba3edfd7a7b12b27ac72c3e"
        "67768f617fc81bc3888a51323a9fb8aa4b1e5e4adae5494dffff7f2002000000"
    )
    assert genesis.txids == ["4a5e1e4baab89f3a32518a88c31bc87f618f76673e2cc77ab2127b7afdeda33b"]


def test_merkle_root_of_block_100000() -> None:
    txids = [
        "8c14f0db3df150123e6f3dbbf30f8b955a8249b62ac1d1ff16284aefa3d06d87",
        "fff2525b8931402dd09222c50775608f75787bd2b87e56995a7bdd30f79702c4",
        "6359f0868171b1d194cbee1af2f16ea598ae8fad666d9b012c8ed2b79a236ec4",
        "e9a66845e05d5abc0ad04ec80f774a7e585c6e8db975962d069a522137b80c1d",
    ]

    root = block.merkle_root(txids)[::-1].hex()

    assert root == "f3e94742aca4b5ef85488dc37c06c3282295ffec960994b2c0d5ac2a25a95766"


@pytest.mark.parametrize(
    ("secret", "key", "digest", "signature"),
    [
        (
            "0000000000000000000000000000000000000000000000000000000000000001",
            "0279be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798",
            "0000000000000000000000000000000000000000000000000000000000000000",
            "787a848e71043d280c50470e8e1532b2dd5d20ee912a45dbdd2bd1dfbf187ef67031a98831859dc34dffeedda86831842ccd0079e1f92af177f7f22cc1dced05",
        ),
        (
            "b7e151628aed2a6abf7158809cf4f3c762e7160f38b4da56a784d9045190cfef",
            "02dff1d77f2a671c5f36183726db2341be58feae1da2deced843240f7b502ba659",
            "243f6a8885a308d313198a2e03707344a4093822299f31d0082efa98ec4e6c89",
            "2a298dacae57395a15d0795ddbfd1dcb564da82b0f269bc70a74f8220429ba1d1e51a22ccec35599b8f266912281f8365ffc2d035a230434a1a64dc59f7013fd",
        ),
    ],
)
def test_schnorr_vectors_of_the_2019_specification(
    secret: str, key: str, digest: str, signature: str
) -> None:
    point, message = bytes.fromhex(key), bytes.fromhex(digest)
    own = keys.sign_schnorr(bytes.fromhex(secret), message)
    flipped = bytes([own[0] ^ 1]) + own[1:]

    assert keys.public_key(bytes.fromhex(secret)) == point
    assert keys.verify_schnorr(point, bytes.fromhex(signature), message)
    assert keys.verify_schnorr(point, own, message)
    assert not keys.verify_schnorr(point, flipped, message)
    assert not keys.verify_schnorr(point, bytes.fromhex(signature), sha256(message))


@pytest.mark.parametrize(
    ("kind", "body", "locking"),
    [
        ("P2PKH-REGTEST", HASH_20, b"\x76\xa9\x14" + HASH_20 + b"\x88\xac"),
        ("P2SH20-REGTEST", HASH_20, b"\xa9\x14" + HASH_20 + b"\x87"),
        ("P2SH32-REGTEST", HASH_32, b"\xaa\x20" + HASH_32 + b"\x87"),
    ],
)
def test_addresses_read_like_those_of_bitcash(kind: str, body: bytes, locking: bytes) -> None:
    text = Address(kind, list(body)).cash_address()

    assert address.encode(locking) == text
    assert address.decode(text) == locking
    assert address.decode(text.upper()) == locking
    assert address.decode(text.removeprefix("bchreg:")) == locking


def test_a_token_aware_address_names_the_same_script() -> None:
    text = Address("P2PKH-CATKN-REGTEST", list(HASH_20)).cash_address()

    assert address.decode(text) == b"\x76\xa9\x14" + HASH_20 + b"\x88\xac"


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text[:-1] + ("q" if text[-1] != "q" else "p"),
        lambda text: text[:12] + text[12].upper() + text[13:],
        lambda text: text.replace("bchreg:", "bitcoincash:"),
        lambda text: text.replace("bchreg:", "bchtest:"),
        lambda text: text[:-4],
        lambda text: text + "q",
        lambda _: "",
        lambda _: "bchreg:",
    ],
)
def test_a_damaged_or_foreign_address_is_refused(change: Callable[[str], str]) -> None:
    text = address.encode(keys.p2pkh(b"\x07" * 32)) or ""

    with pytest.raises(Malformed):
        address.decode(change(text))


@pytest.mark.parametrize("length", [18, 21, 24, 28, 31, 40, 48, 56, 64])
def test_a_payload_of_another_length_is_refused(length: int) -> None:
    sizes = {20: 0, 24: 1, 28: 2, 32: 3, 40: 4, 48: 5, 56: 6, 64: 7}
    values = address._to_groups(bytes([sizes.get(length, 0)]) + bytes(length))
    total = address._checksum([*address._prefix_values(), *values, *[0] * 8])
    values += [total >> 5 * (7 - place) & 31 for place in range(8)]

    with pytest.raises(Malformed):
        address.decode("bchreg:" + "".join(address.CHARSET[value] for value in values))


def test_a_payment_link_is_read_exactly() -> None:
    locking = keys.p2pkh(b"\x07" * 32)
    text = address.encode(locking) or ""

    assert parse_uri(f"{text}?amount=0.00912300&label=x%20y") == (locking, 912_300)
    assert parse_uri(f"{text}?amount=21") == (locking, 2_100_000_000)
    assert parse_uri(text) == (locking, None)


def test_a_transaction_signed_by_bitcash_is_accepted(node: Node) -> None:
    key = PrivateKeyRegtest()
    locking = address.decode(key.address)
    coin = node.pay(locking, 50_000)
    node.chain.mine()
    unspent = Unspent(50_000, 1, locking.hex(), coin.txid, 0)

    raw = key.create_transaction(
        [(key.address, 20_000, "satoshi")], unspents=[unspent], leftover=key.address
    )

    txid = node.chain.submit(bytes.fromhex(raw))
    assert txid in node.chain.mempool.entries


def test_a_token_moved_by_bitcash_is_accepted(node: Node) -> None:
    key = PrivateKeyRegtest()
    locking = address.decode(key.address)
    coin = node.pay(locking, 5_000, with_token=True)
    plain = node.pay(locking, 50_000)
    node.chain.mine()
    token = coin.outputs[0].token
    assert token is not None
    unspents = [
        Unspent(5_000, 1, locking.hex(), coin.txid, 0, category_id=token.category, token_amount=1),
        Unspent(50_000, 1, locking.hex(), plain.txid, 0),
    ]

    raw = key.create_transaction(
        [(key.cashtoken_address, 1_000, "satoshi", token.category, None, None, 1)],
        unspents=unspents,
        leftover=key.cashtoken_address,
    )

    txid = node.chain.submit(bytes.fromhex(raw))
    moved = node.chain.find(txid)
    assert moved is not None
    assert Output(1_000, locking, Token(token.category, 1)) in moved.outputs


def test_pushes_are_minimal() -> None:
    cases = {
        b"": "00",
        b"\x01": "51",
        b"\x10": "60",
        b"\x81": "4f",
        b"\x11": "0111",
        b"a" * 75: "4b" + "61" * 75,
    }

    assert {data: script.push(data).hex() for data in cases} == cases
    assert script.push(b"a" * 76)[:2] == b"\x4c\x4c"
    assert script.push(b"a" * 256)[:3] == b"\x4d\x00\x01"
