"""What a node refuses, the devchain refuses, for the same reason.

The spends are of forwarders, which need no signature: whatever is wrong with them is wrong by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from payments import addresses, covenants
from payments.covenants import Forwarder
from payments.states import Network
from payments.transactions import Outpoint, Transaction, TxInput, TxOutput
from tests.chain.nodes import Peer, peer_of
from tests.lines import Client
from tests.tills import script_of

COIN_SAT = 10_000
Spoil = Callable[[Transaction], Transaction]


@pytest.fixture(scope="module")
def peer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Peer]:
    yield from peer_of(tmp_path_factory.mktemp("refusals"))


@pytest.fixture(scope="module")
def client(peer: Peer) -> Iterator[Client]:
    client = Client(peer.server.port)
    client.call("server.version", "test", ["1.5", "1.6"])
    yield client
    client.close()


@pytest.fixture(scope="module")
def forward(peer: Peer, client: Client) -> Iterator[Transaction]:
    """A good forward of a confirmed coin: it is sent in the end, so only the spoiling was wrong."""
    payee = script_of(peer.new_address())
    spot = Forwarder(bytes(range(16)), payee, 600)
    txid = peer.pay(addresses.encode(spot.script, Network.REGTEST), COIN_SAT)
    peer.mine()
    unspent = "blockchain.scripthash.listunspent"
    (coin,) = peer.settled(
        lambda: [
            each
            for each in client.call(unspent, addresses.scripthash(spot.script))
            if each["tx_hash"] == txid and each["height"] > 0
        ],
        bool,
    )
    coins = [covenants.Coin(Outpoint(txid, coin["tx_pos"]), COIN_SAT, spot)]
    good = worth(COIN_SAT - 600)(covenants.forward(coins))
    yield good
    assert client.call("blockchain.transaction.broadcast", good.serialize().hex()) == good.txid


def unlocking(script_sig: bytes) -> Spoil:
    return lambda tx: replace(tx, inputs=(replace(tx.inputs[0], script_sig=script_sig),))


def sequence(number: int, *, version: int = 2, locktime: int = 0) -> Spoil:
    return lambda tx: replace(
        tx, version=version, locktime=locktime, inputs=(replace(tx.inputs[0], sequence=number),)
    )


def worth(value_sat: int) -> Spoil:
    return lambda tx: replace(tx, outputs=(replace(tx.outputs[0], value_sat=value_sat),))


def besides(*outputs: TxOutput) -> Spoil:
    """The forward with further outputs, whose worth and bytes come out of its fee."""
    taken_sat = sum(output.value_sat for output in outputs)
    return lambda tx: replace(
        tx,
        outputs=(replace(tx.outputs[0], value_sat=COIN_SAT - 600 - taken_sat), *outputs),
    )


def with_input(txid: str, vout: int) -> Spoil:
    return lambda tx: replace(
        tx, inputs=(*tx.inputs, TxInput(Outpoint(txid, vout), b"\x51", 0xFFFF_FFFF))
    )


def token(prefix: bytes) -> Spoil:
    return lambda tx: replace(tx, outputs=(replace(tx.outputs[0], token_prefix=prefix),))


def twice(tx: Transaction) -> Transaction:
    return replace(tx, inputs=tx.inputs * 2, outputs=tx.outputs * 2)


def redeem_of(tx: Transaction) -> bytes:
    return tx.inputs[0].script_sig


def failed(reason: str) -> str:
    return f"mandatory-script-verify-flag-failed ({reason}) (code 16)"


LOW_FEE = "min relay fee not met (code 66)"
CASES: dict[str, tuple[Spoil, str]] = {
    "version 0": (lambda tx: replace(tx, version=0), "version (code 64)"),
    "version 3": (lambda tx: replace(tx, version=3), "version (code 64)"),
    "no outputs": (lambda tx: replace(tx, outputs=()), "bad-txns-vout-empty (code 16)"),
    "no inputs": (lambda tx: replace(tx, inputs=()), "bad-txns-vin-empty (code 16)"),
    "one coin twice": (twice, "bad-txns-inputs-duplicate (code 16)"),
    "more than it spends": (
        worth(COIN_SAT + 1),
        "bad-txns-in-belowout, value in (0.0001) < value out (0.00010001) (code 16)",
    ),
    "more than there is": (worth(21_000_001 * 100_000_000), "bad-txns-vout-toolarge (code 16)"),
    "no fee": (worth(COIN_SAT), LOW_FEE),
    "one satoshi under the relay fee": (worth(COIN_SAT - 141), LOW_FEE),
    "dust": (besides(TxOutput(545, b"\x76\xa9\x14" + bytes(20) + b"\x88\xac")), "dust (code 64)"),
    "dust to p2sh": (besides(TxOutput(539, b"\xa9\x14" + bytes(20) + b"\x87")), "dust (code 64)"),
    "an odd script": (besides(TxOutput(1_000, b"\x51")), "scriptpubkey (code 64)"),
    "much data": (
        besides(TxOutput(0, b"\x6a\x4c\xdd" + bytes(221))),
        "oversize-op-return (code 64)",
    ),
    "a coin nobody has": (with_input("ab" * 32, 0), "Missing inputs"),
    "a null coin": (with_input("00" * 32, 0xFFFF_FFFF), "bad-txns-prevout-null (code 16)"),
    "not yet final": (
        sequence(0, locktime=2_000_000),
        "bad-txns-nonfinal, non-final transaction (code 64)",
    ),
    "a lock on blocks not there yet": (sequence(100), "non-BIP68-final (code 64)"),
    "a lock on time not there yet": (sequence(0x0040_0100), "non-BIP68-final (code 64)"),
    "another redeem script": (
        unlocking(b"\x01\x51"),
        failed("Script evaluated without error but finished with a false/empty top stack element"),
    ),
    "no unlocking script": (
        unlocking(b""),
        failed("Operation not valid with the current stack size"),
    ),
    "an operation in the unlocking script": (
        lambda tx: unlocking(b"\x61" + redeem_of(tx))(tx),
        "scriptsig-not-pushonly (code 64)",
    ),
    "one push too many": (
        lambda tx: unlocking(b"\x51" + redeem_of(tx))(tx),
        "non-mandatory-script-verify-flag (Extra items left on stack after execution) (code 64)",
    ),
    "a push not minimal": (
        lambda tx: unlocking(b"\x4c" + redeem_of(tx))(tx),
        failed("Data push larger than necessary"),
    ),
    "a cut push": (
        lambda tx: unlocking(redeem_of(tx)[:-1])(tx),
        "scriptsig-not-pushonly (code 64)",
    ),
    "an unlocking script beyond 1,650 bytes": (
        lambda tx: unlocking((b"\x4d\x08\x02" + bytes(520)) * 4 + redeem_of(tx))(tx),
        "scriptsig-size (code 64)",
    ),
    "too small": (
        lambda tx: replace(
            unlocking(b"")(tx), outputs=(TxOutput(COIN_SAT - 600, b"\x6a" + bytes(2)),)
        ),
        "bad-txns-undersize (code 64)",
    ),
    "data not pushed": (besides(TxOutput(0, b"\x6a\x05\x01")), "scriptpubkey (code 64)"),
    "a token out of nothing": (
        token(b"\xef" + b"\xab" * 32 + b"\x10\x01"),
        "bad-txns-token-invalid-category (code 16)",
    ),
    "a token of no amount": (
        token(b"\xef" + b"\xab" * 32 + b"\x10\x00"),
        "scriptpubkey (code 64)",
    ),
    "a token cut short": (token(b"\xef" + b"\xab" * 5), "scriptpubkey (code 64)"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_node_and_the_devchain_give_the_same_reason(
    client: Client, forward: Transaction, case: str
) -> None:
    spoil, reason = CASES[case]
    raw = spoil(forward).serialize()

    code, told = client.error("blockchain.transaction.broadcast", raw.hex())

    assert (code, told) == (
        1,
        f"the transaction was rejected by network rules.\n\n{reason}\n",
    )
