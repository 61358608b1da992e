"""Exact edges that `make mutants` found nobody to stand on."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import pytest

from payments import addresses, amounts, headers, instant_rules, transactions
from payments.errors import BadPrice, BadTransaction
from payments.instant_rules import SpentFacts, TxFacts, Wait
from payments.states import Network
from payments.transactions import Outpoint, Transaction, TxInput, TxOutput

KEY = b"\x02" + bytes(range(32))


@pytest.mark.parametrize("currency", ["UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF"])
def test_these_currencies_have_no_cents(currency: str) -> None:
    assert amounts.exponent_of(currency) == 0


def test_a_price_has_at_most_twelve_digits_before_the_point() -> None:
    assert amounts.parse_price("999999999999.99", "EUR").amount == Decimal("999999999999.99")
    with pytest.raises(BadPrice):
        amounts.parse_price("1000000000000", "EUR")


def test_a_spread_makes_it_dearer() -> None:
    price = amounts.parse_price("4.00", "EUR")
    assert amounts.due_sat(price, Decimal(400), spread_bps=100) == 1_010_000


def test_all_the_coins_there_are_may_just_be_asked_for() -> None:
    price = amounts.parse_price("21000000", "EUR")
    assert amounts.due_sat(price, Decimal(1)) == amounts.MAX_SAT
    with pytest.raises(BadPrice):
        amounts.due_sat(amounts.parse_price("21000000.01", "EUR"), Decimal(1))


def test_halves_are_rounded_to_the_even_cent() -> None:
    worth = [amounts.value_of(sat, Decimal(1), "EUR").amount for sat in (500_000, 1_500_000)]
    assert worth == [Decimal("0.00"), Decimal("0.02")]
    assert amounts.value_of(2_500_000, Decimal(1), "EUR").amount == Decimal("0.02")
    assert amounts.value_of(4_500_000, Decimal(1), "EUR").amount == Decimal("0.04")


def test_nothing_and_less_are_written_with_their_sign() -> None:
    assert [amounts.format_bch(sat) for sat in (-1, 0)] == ["-0.00000001", "0.00000000"]


def _kind_of(unlocking: bytes) -> Wait:
    spent = SpentFacts(unlocking=unlocking, locking=addresses.p2pkh_script(KEY), value_sat=50_000)
    made = Transaction(
        version=2,
        inputs=(TxInput(Outpoint("01" * 32, 0), unlocking, 0),),
        outputs=(TxOutput(20_000, bytes(23)),),
        locktime=0,
    )
    fact = TxFacts(
        txid=made.txid,
        raw=made.serialize(),
        inputs=(spent,),
        outputs_sat=20_000,
        has_unconfirmed_parents=False,
        operators=frozenset({"ada", "bob"}),
    )
    return instant_rules.unmet_alone(fact)


def _signed(size: int) -> bytes:
    """An unlocking script whose DER signature has this many bytes, its hash type among them."""
    signature = bytes([0x30, size - 3]) + bytes(size - 3) + b"\x41"
    return bytes([size]) + signature + bytes([len(KEY)]) + KEY


@pytest.mark.parametrize(("size", "fits"), [(8, False), (9, True), (73, True), (74, False)])
def test_a_der_signature_has_9_to_73_bytes(size: int, fits: bool) -> None:
    assert (_kind_of(_signed(size)) is Wait.NOTHING) is fits


@pytest.mark.parametrize("unlocking", [b"", b"\x00", b"\x41", bytes([0x30])])
def test_a_script_that_is_no_two_pushes_waits_for_a_block(unlocking: bytes) -> None:
    assert _kind_of(unlocking) is not Wait.NOTHING


@pytest.mark.parametrize("size", [0xFC, 0xFD, 0xFFFF, 0x1_0000])
def test_lengths_are_written_as_short_as_they_can_be(size: int) -> None:
    made = Transaction(
        version=2,
        inputs=(TxInput(Outpoint("01" * 32, 0), bytes(size), 0),),
        outputs=(TxOutput(1, b"\x51"),),
        locktime=0,
    )
    assert transactions.parse(made.serialize(), txid=made.txid) == made


def _of_bytes(total: int) -> Transaction:
    base = Transaction(2, (TxInput(Outpoint("01" * 32, 0), b"", 0),), (TxOutput(1, b"\x51"),), 0)
    rest = total - len(base.serialize()) - 4  # a length of five bytes instead of one
    return Transaction(
        2, (TxInput(Outpoint("01" * 32, 0), bytes(rest), 0),), (TxOutput(1, b"\x51"),), 0
    )


def test_a_transaction_may_have_a_million_bytes_and_no_more() -> None:
    largest, beyond = _of_bytes(1_000_000), _of_bytes(1_000_001)
    assert len(largest.serialize()) == 1_000_000
    assert transactions.parse(largest.serialize(), txid=largest.txid) == largest
    with pytest.raises(BadTransaction):
        transactions.parse(beyond.serialize(), txid=beyond.txid)


def test_the_figures_of_the_networks() -> None:
    """Bitcoin Cash Node 28.0.1, chainparams.cpp, and 2020-11-15-asert."""
    main, chip, reg = (headers.RULES[each] for each in Network)
    assert (main.checkpoint_height, main.anchor) == (
        878_660,
        headers.Anchor(661_647, 402_971_390, 1_605_447_844),
    )
    assert (main.is_bounded, chip.is_bounded, reg.is_bounded) == (True, False, False)
    assert (reg.limit_target, headers.MEDIAN_SPAN) == (2**255 - 1, 11)
    assert datetime.fromtimestamp(1_605_447_844, UTC).year == 2020
