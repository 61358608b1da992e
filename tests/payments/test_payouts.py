"""Where the money goes, and a fresh address for every sale."""

from __future__ import annotations

from uuid import uuid4

import pytest
from cryptography.exceptions import InvalidTag
from django.utils import timezone

from payments import covenants, invoices, payouts, xpubs
from payments.amounts import parse_price
from payments.errors import (
    BadAddress,
    ChainUnavailable,
    PayoutIsInvoice,
    PayoutMissing,
    PriceBelowFloor,
    SecretGiven,
    WrongNetwork,
)
from payments.models import Invoice, Payout
from payments.states import Network
from tests.devchains import Devchain
from tests.tills import payout_to, script_of, sell
from tests.xpub import XPUB

pytestmark = pytest.mark.django_db(transaction=True)


def regtest_address(index: int = 7) -> str:
    return xpubs.derive_address(xpubs.parse(XPUB, Network.REGTEST), index, network=Network.REGTEST)


def test_an_address_is_previewed_with_its_floor_and_its_warning() -> None:
    preview = payouts.inspect(f"  {regtest_address()} ")

    assert (preview.kind, preview.shown) == ("address", regtest_address())
    assert (preview.floor_sat, preview.first_addresses) == (2_000, ())
    assert [warning.code for warning in preview.warnings] == ["exchange_address"]


def test_an_xpub_shows_its_first_addresses_and_not_itself() -> None:
    preview = payouts.inspect(XPUB)

    assert (preview.kind, preview.floor_sat, len(preview.first_addresses)) == ("xpub", 1_000, 3)
    assert XPUB not in preview.shown
    assert preview.shown.startswith("xpub6ByH")


@pytest.mark.parametrize(
    ("value", "error"),
    [
        ("bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", WrongNetwork),
        ("bchreg:qqqqqq", BadAddress),
        ("abandon " * 11 + "about", SecretGiven),
        ("", BadAddress),
    ],
)
def test_what_cannot_be_paid_is_refused_and_nothing_is_stored(
    value: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        payouts.set_current(uuid4(), value, now=timezone.now())
    assert not Payout.objects.exists()


def test_the_kit_finds_every_address_without_us(chain: Devchain) -> None:
    payout = payout_to(chain.new_address())
    sold = [sell(chain, payout=payout) for _ in range(3)]

    assert payout.recovery is not None
    found = covenants.forwarders(
        payout.recovery.seed,
        payee_script=payout.recovery.payee_script,
        max_fee_sat=payout.recovery.max_fee_sat,
    )
    scripts = [next(found)[1].script for _ in range(3)]
    assert scripts == [script_of(invoice.address) for invoice in sold]


def test_a_new_payout_retires_the_old_and_leaves_its_invoices_alone(chain: Devchain) -> None:
    owner = uuid4()
    first = payout_to(chain.new_address(), owner=owner)
    invoice = sell(chain, payout=first)

    second = payout_to(XPUB, owner=owner)

    assert payouts.current(owner) == second
    assert payouts.get(first.id) == first
    assert Invoice.objects.get(pk=invoice.id).payout_id == first.id
    in_force = Payout.objects.filter(owner=owner, retired_at=None)
    assert [row.id for row in in_force.filter(fallback_of=None)] == [second.id]
    assert in_force.get(fallback_of=second.id).kind == "forwarder"


def test_the_same_payout_again_changes_nothing() -> None:
    owner = uuid4()
    first = payout_to(XPUB, owner=owner)

    assert payout_to(XPUB, owner=owner) == first
    assert Payout.objects.count() == 2  # its fallback with it


def test_an_xpub_that_comes_back_goes_on_where_it_stopped(chain: Devchain) -> None:
    owner = uuid4()
    payout = payout_to(XPUB, owner=owner)
    first = sell(chain, payout=payout)
    payout_to(chain.new_address(), owner=owner)

    again = sell(chain, payout=payout_to(XPUB, owner=owner))

    assert (first.address_derivation, again.address_derivation) == ("m/0/0", "m/0/1")


def test_indices_that_the_wallet_used_are_skipped(chain: Devchain) -> None:
    chain.pay(regtest_address(0), 5_000)
    chain.pay(regtest_address(4), 5_000)
    chain.mine()

    invoice = sell(chain, payout=payout_to(XPUB))

    assert invoice.address_derivation == "m/0/5"


def test_an_index_used_since_the_scan_is_skipped_too(chain: Devchain) -> None:
    payout = payout_to(XPUB)
    sell(chain, payout=payout)
    chain.pay(regtest_address(1), 5_000)

    assert sell(chain, payout=payout).address_derivation == "m/0/2"


def test_a_payee_of_forwards_is_never_issued_as_an_address(chain: Devchain) -> None:
    payout_to(regtest_address(0))

    assert sell(chain, payout=payout_to(XPUB)).address_derivation == "m/0/1"


def test_an_address_given_to_a_buyer_cannot_become_a_payout(chain: Devchain) -> None:
    invoice = sell(chain, payout=payout_to(XPUB))

    with pytest.raises(PayoutIsInvoice):
        payout_to(invoice.address)


def test_without_the_chain_an_xpub_issues_nothing_and_a_forwarder_still_does(
    chain: Devchain,
) -> None:
    xpub, address = payout_to(XPUB), payout_to(chain.new_address())
    chain.stop()

    with pytest.raises(ChainUnavailable):
        sell(chain, payout=xpub)
    assert not Invoice.objects.exists()
    assert sell(chain, payout=address).state == "OPEN"


def test_a_price_below_the_floor_opens_nothing(chain: Devchain) -> None:
    with pytest.raises(PriceBelowFloor):
        sell(chain, sat=1_999)
    assert sell(chain, sat=1_000, payout=payout_to(XPUB)).due_sat == 1_000
    assert Invoice.objects.count() == 1
    with pytest.raises(PayoutMissing):
        payouts.get(uuid4())


def test_secrets_are_sealed_to_their_row() -> None:
    payout_to(XPUB)
    sealed = bytes(Payout.objects.get(fallback_of=None).sealed)
    other = payout_to(regtest_address())
    Payout.objects.filter(pk=other.id).update(sealed=sealed)

    assert XPUB.encode() not in sealed
    with pytest.raises(InvalidTag):
        payouts.get(other.id)


def test_the_estimate_of_a_price_follows_the_rate() -> None:
    now = timezone.now()
    assert invoices.estimate_sat(parse_price("2", "EUR"), now=now) == 500_000
    assert invoices.estimate_sat(parse_price("0.0001", "BCH"), now=now) == 10_000
    assert invoices.estimate_sat(parse_price("2", "XYZ"), now=now) is None
