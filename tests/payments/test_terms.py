"""What an owner wants of their invoices, and that each invoice keeps what it was opened with."""

from __future__ import annotations

from uuid import uuid4

import pytest
from django.utils import timezone

from payments import addresses, amounts, invoices, terms
from payments.errors import BadTerms
from payments.models import Invoice, Quote, Terms
from payments.payouts import PayoutView
from payments.states import Network
from payments.terms import TermsView
from tests.tills import payout_to

pytestmark = pytest.mark.django_db(transaction=True)
PAYEE = addresses.encode(b"\x76\xa9\x14" + bytes(20) + b"\x88\xac", Network.REGTEST)


def test_terms_are_the_defaults_until_something_is_set() -> None:
    owner, now = uuid4(), timezone.now()
    before = terms.of(owner)

    changed = terms.set_for(owner, now=now, honour_sats=True, tolerance_bps=250)
    more = terms.set_for(owner, now=now, instant_invoice_sat=50_000, instant_total_sat=200_000)

    assert before == TermsView(
        honour_sats=False, tolerance_bps=100, instant_invoice_sat=0, instant_total_sat=0
    )
    assert changed == TermsView(honour_sats=True, tolerance_bps=250)
    assert terms.of(owner) == more
    assert (more.tolerance_bps, more.instant_total_sat) == (250, 200_000)
    assert terms.of(uuid4()) == before


@pytest.mark.parametrize(
    "changes",
    [
        {"tolerance_bps": 501},
        {"tolerance_bps": -1},
        {"tolerance_bps": True},
        {"honour_sats": 1},
        {"instant_invoice_sat": amounts.MAX_SAT + 1},
        {"instant_invoice_sat": 2_000, "instant_total_sat": 1_999},
        {"changed_at": 1},
        {"nonsense": 1},
    ],
)
def test_senseless_terms_are_refused_and_change_nothing(changes: dict[str, int]) -> None:
    owner, now = uuid4(), timezone.now()

    with pytest.raises(BadTerms):
        terms.set_for(owner, now=now, **{"tolerance_bps": 200, **changes})

    assert not Terms.objects.exists()


def sell_by(payout: PayoutView, *, instant: bool = False) -> Invoice:
    view = invoices.open(
        payout_id=payout.id,
        price=amounts.parse_price("0.001", "BCH"),
        confirmations=1,
        now=timezone.now(),
        instant=instant,
    )
    assert view.is_instant == (Invoice.objects.get(pk=view.id).instant_ceiling_sat > 0)
    assert view.owner == payout.owner
    return Invoice.objects.get(pk=view.id)


def test_an_invoice_keeps_the_terms_that_it_was_opened_with() -> None:
    payout, now = payout_to(PAYEE), timezone.now()
    plain = sell_by(payout, instant=True)
    terms.set_for(payout.owner, now=now, honour_sats=True, tolerance_bps=300)
    terms.set_for(payout.owner, now=now, instant_invoice_sat=5_000, instant_total_sat=9_000)
    later, fast = sell_by(payout), sell_by(payout, instant=True)
    terms.set_for(payout.owner, now=now, instant_total_sat=0)
    off = sell_by(payout, instant=True)

    assert (plain.honour_sats, plain.tolerance_bps, plain.instant_ceiling_sat) == (False, 100, 0)
    assert (later.honour_sats, later.tolerance_bps, later.instant_ceiling_sat) == (True, 300, 0)
    assert (fast.instant_ceiling_sat, off.instant_ceiling_sat) == (5_000, 0)
    assert list(Quote.objects.order_by("pk").values_list("min_sat", flat=True)) == [
        99_000,
        97_000,
        97_000,
        97_000,
    ]


def test_no_tolerance_means_to_the_satoshi() -> None:
    payout = payout_to(PAYEE)
    terms.set_for(payout.owner, now=timezone.now(), tolerance_bps=0)

    assert sell_by(payout).quotes.get().min_sat == 100_000
