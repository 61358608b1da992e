"""Transactions: what a server says is read only if every byte is as it must be."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from payments import transactions
from payments.errors import BadTransaction
from payments.transactions import Outpoint, Transaction, TxInput, TxOutput, txid_of

VECTORS = Path(__file__).parents[2] / "vectors"
GENESIS = json.loads((VECTORS / "headers.json").read_text())["transaction"]
TOKENS = json.loads((VECTORS / "tokens.json").read_text())
LOCK = bytes.fromhex("76a914" + "11" * 20 + "88ac")

outpoints = st.builds(
    Outpoint, st.binary(min_size=32, max_size=32).map(bytes.hex), st.integers(0, 2**32 - 1)
)
scripts = st.binary(max_size=300)
inputs = st.builds(TxInput, outpoints, scripts, st.integers(0, 2**32 - 1))
outputs = st.builds(
    TxOutput, st.integers(0, transactions.MAX_MONEY_SAT), scripts.filter(lambda s: s[:1] != b"\xef")
)
some_transactions = st.builds(
    Transaction,
    version=st.integers(0, 2**32 - 1),
    inputs=st.lists(inputs, min_size=1, max_size=4).map(tuple),
    outputs=st.lists(outputs, min_size=1, max_size=4).map(tuple),
    locktime=st.integers(0, 2**32 - 1),
)


def paying(locking: bytes, value_sat: int = 5_000) -> bytes:
    """A one-input, one-output transaction around ``locking`` as it stands."""
    return Transaction(
        version=2,
        inputs=(TxInput(Outpoint("ab" * 32, 1), b"\x51" * 20, 0xFFFFFFFF),),
        outputs=(TxOutput(value_sat, locking),),
        locktime=0,
    ).serialize()


def parse(raw: bytes) -> Transaction:
    return transactions.parse(raw, txid=txid_of(raw))


def test_the_first_transaction_of_all_is_read() -> None:
    raw = bytes.fromhex(GENESIS["raw"])

    transaction = transactions.parse(raw, txid=GENESIS["txid"])

    assert transaction.is_coinbase
    assert transaction.txid == GENESIS["txid"]
    assert transaction.serialize() == raw
    assert [output.value_sat for output in transaction.outputs] == [5_000_000_000]
    assert len(transaction.outputs[0].script) == 67
    assert not transaction.outputs[0].has_token


@given(some_transactions.filter(lambda t: len(t.serialize()) != 64))
def test_what_is_written_is_read_back(transaction: Transaction) -> None:
    assert parse(transaction.serialize()) == transaction
    assert not transaction.is_coinbase


def test_long_lists_and_scripts_are_written_and_read() -> None:
    spend = TxInput(Outpoint("cd" * 32, 0), b"\x00" * 253, 0)
    many = Transaction(
        version=1,
        inputs=(spend,) * 253,
        outputs=(TxOutput(1, LOCK), TxOutput(0, b"\x6a" * 70_000)),
        locktime=7,
    )

    assert parse(many.serialize()) == many


def test_other_bytes_than_those_asked_for_are_refused() -> None:
    raw = paying(LOCK)

    with pytest.raises(BadTransaction, match="not the transaction"):
        transactions.parse(raw[:-1] + b"\x01", txid=txid_of(raw))


def test_every_shorter_or_longer_form_is_refused() -> None:
    raw = paying(LOCK)

    for size in range(len(raw)):
        with pytest.raises(BadTransaction):
            parse(raw[:size])
    with pytest.raises(BadTransaction):
        parse(raw + b"\x00")


def test_sixty_four_bytes_are_refused_because_a_merkle_node_has_as_many() -> None:
    short = Transaction(
        version=2,
        inputs=(TxInput(Outpoint("ab" * 32, 0), b"", 0),),
        outputs=(TxOutput(1, b"\x51" * 4),),
        locktime=0,
    ).serialize()
    assert len(short) == 64

    with pytest.raises(BadTransaction, match="length"):
        parse(short)


def test_more_than_a_megabyte_is_refused() -> None:
    with pytest.raises(BadTransaction, match="length"):
        parse(paying(b"\x6a" * 1_000_000))


def test_more_money_than_there_is_is_refused() -> None:
    assert parse(paying(LOCK, transactions.MAX_MONEY_SAT)).outputs[0].value_sat == 21 * 10**14

    with pytest.raises(BadTransaction, match="worth more"):
        parse(paying(LOCK, transactions.MAX_MONEY_SAT + 1))


@pytest.mark.parametrize("part", ["inputs", "outputs"])
def test_no_inputs_or_no_outputs_are_refused(part: str) -> None:
    whole: dict[str, Any] = {
        "inputs": parse(paying(LOCK)).inputs,
        "outputs": parse(paying(b"\x6a" * 80)).outputs,
    }
    whole[part] = ()

    raw = Transaction(version=2, locktime=0, **whole).serialize()

    with pytest.raises(BadTransaction, match="no inputs or outputs"):
        parse(raw)


@pytest.mark.parametrize(
    "count", ["fd0100", "fdfc00", "fe01000000", "feffff0000", "ff0100000000000000"]
)
def test_a_length_written_too_long_is_refused(count: str) -> None:
    raw = paying(LOCK)
    assert raw[4] == 1

    with pytest.raises(BadTransaction, match="longer than it needs"):
        parse(raw[:4] + bytes.fromhex(count) + raw[5:])


def test_a_length_of_eight_bytes_ends_early() -> None:
    raw = paying(LOCK)

    with pytest.raises(BadTransaction, match="ends early"):
        parse(raw[:4] + b"\xff" + b"\xff" * 8 + raw[5:])


@pytest.mark.parametrize("prefix", TOKENS["valid"], ids=lambda prefix: prefix[66:84])
def test_a_token_stands_before_the_script_and_is_told(prefix: str) -> None:
    output = parse(paying(bytes.fromhex(prefix) + LOCK)).outputs[0]

    assert output == TxOutput(5_000, LOCK, bytes.fromhex(prefix))
    assert output.has_token


@pytest.mark.parametrize("prefix", TOKENS["invalid"], ids=lambda prefix: prefix[66:84])
def test_a_broken_token_prefix_is_part_of_the_script_so_nobodys_address(prefix: str) -> None:
    locking = bytes.fromhex(prefix)

    output = parse(paying(locking)).outputs[0]

    assert output == TxOutput(5_000, locking)
    assert not output.has_token


def test_an_empty_script_is_no_token() -> None:
    raw = Transaction(
        version=2,
        inputs=(TxInput(Outpoint("ab" * 32, 1), b"\x51" * 20, 0),),
        outputs=(TxOutput(1, b""),),
        locktime=0,
    ).serialize()

    assert parse(raw).outputs == (TxOutput(1, b""),)


def test_two_inputs_are_no_coinbase() -> None:
    null = TxInput(Outpoint("00" * 32, 0xFFFFFFFF), b"\x51\x51", 0)

    one = Transaction(version=1, inputs=(null,), outputs=(TxOutput(1, LOCK),), locktime=0)
    two = Transaction(version=1, inputs=(null, null), outputs=(TxOutput(1, LOCK),), locktime=0)

    assert (one.is_coinbase, two.is_coinbase) == (True, False)
