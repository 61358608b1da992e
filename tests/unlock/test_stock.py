"""Files that are free, limited, or on sale for a while: what is counted, and what late payers get."""

from __future__ import annotations

import secrets
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest
from django.conf import settings
from django.core.cache import cache
from django.utils import timezone

from payments import invoices
from payments import models as money
from payments.states import InvoiceState, OutputChain
from tests.unlock import sale
from tests.unlock.priced import buy, payable, price, refusal
from tests.unlock.sale import INSTANCE_PRIVATE, NOW, Buyer, Sold
from unlock import announcements, files, grants, keys, offers, purchases, stock
from unlock.files import Draft
from unlock.models import Grant, PaidFile, Pricing, Purchase
from unlock.pricing import Ask, Terms
from unlock.pricing_errors import NoLongerOnSale, OfferChanged, PricingInvalid, SoldOut
from unlock.states import FileState, GrantKind, PriceKind

pytestmark = pytest.mark.django_db

LATER = timedelta(minutes=settings.KIM_QUOTE_MINUTES + 6)  # beyond quote and grace


@pytest.fixture(autouse=True)
def _no_orders_remembered() -> None:
    cache.clear()


def begin(sold: Sold, *, now: datetime = NOW, **wish: Any) -> purchases.Begun:
    return purchases.begin(
        replace(Buyer().order(sold, source=secrets.token_hex(4)), **wish), now=now
    )


def invoice_id(purchase: Purchase) -> UUID:
    assert purchase.invoice_id is not None
    return purchase.invoice_id


def invoice_of(purchase: Purchase) -> money.Invoice:
    return money.Invoice.objects.get(pk=invoice_id(purchase))


def pay(purchase: Purchase, *, at: datetime = NOW) -> None:
    invoice, txid = invoice_of(purchase), secrets.token_hex(32)
    paid = money.ChainTransaction.objects.create(txid=txid, raw=b"raw", first_seen_at=at)
    money.Output.objects.create(
        invoice=invoice,
        transaction=paid,
        vout=0,
        value_sat=10_000,
        chain=OutputChain.BLOCK,
        height=1,
        spv_ok=True,
        first_seen_at=at,
    )
    sale.move(invoice, InvoiceState.PAID)
    facts = {"settled_at": at, "evidence": [f"{txid}:0"], "tip_height": 5, "swept_at": at}
    money.Invoice.objects.filter(pk=invoice.pk).update(**facts)


def test_what_is_free_needs_no_payout_and_no_invoice_and_opens_by_the_same_gate() -> None:
    sold, noor = sale.publish(price_amount=Decimal(0)), Buyer()
    Pricing.objects.create(paid_file=sold.file, kind=PriceKind.FREE)

    answer = buy(sold, noor)

    body = answer.json()
    assert (answer.status_code, body["grant"], body["invoice"]) == (201, "free", None)
    assert body["release"] == "pending"
    assert not money.Invoice.objects.exists()
    purchase = Purchase.objects.get()
    row = keys.release(purchase.id, private_keys=INSTANCE_PRIVATE, now=NOW)
    assert row is not None
    assert noor.open(purchase, row.sealed) == sold.secret


def test_the_key_of_what_is_free_is_owed_even_if_nobody_asks_again() -> None:
    sold = payable(free_first=1)
    begin(sold)

    assert announcements.serve(private_keys=INSTANCE_PRIVATE, now=NOW) == 1


def test_a_claim_takes_what_is_free_once() -> None:
    sold, noor = payable(free_first=5), Buyer()
    buy(sold, noor)

    assert refusal(buy(sold, noor)) == (409, "claim_known")
    assert Grant.objects.count() == 1


def test_the_first_three_pay_nothing_and_the_fourth_pays() -> None:
    sold = payable(free_first=3)

    grants_given = [buy(sold).json()["grant"] for _ in range(4)]

    assert grants_given == ["first_n"] * 3 + [None]
    assert money.Invoice.objects.get().due_sat == 10_000


def test_who_came_for_a_free_copy_is_not_charged_when_they_are_gone() -> None:
    sold = payable(free_first=1)
    buy(sold)

    answer = buy(sold, pays={"amount": "0", "currency": "BCH"})

    assert refusal(answer) == (409, "offer_changed")
    assert not money.Invoice.objects.exists()
    assert Purchase.objects.count() == 1


def test_who_names_the_price_owes_that() -> None:
    sold = payable(kind=PriceKind.MINIMUM)

    answer = buy(sold, pays={"amount": "0.0005", "currency": "BCH"})

    assert answer.json()["invoice"]["due_sat"] == 50_000
    low = buy(sold, pays={"amount": "0.00009999", "currency": "BCH"})
    assert refusal(low) == (400, "amount_too_low")
    assert Purchase.objects.count() == 1


@pytest.mark.parametrize(
    "amount",
    ["1.234,56", "1'234.56", "١٢٣", "-1", "1e9", "NaN", "", " 1", "0x10", 5, None, "1_000"],
)
def test_an_amount_in_any_other_writing_is_refused_and_nothing_moves(amount: object) -> None:
    sold = payable(kind=PriceKind.MINIMUM)

    answer = buy(sold, pays={"amount": amount, "currency": "BCH"})

    assert refusal(answer) == (400, "invalid")
    assert not Purchase.objects.exists()


def test_an_absurd_amount_is_refused() -> None:
    sold = payable(kind=PriceKind.MINIMUM)

    answers = [
        buy(sold, pays={"amount": amount, "currency": currency})
        for amount, currency in (("21000001", "BCH"), ("1000000000000", "EUR"), ("5", "EUR"))
    ]

    assert [refusal(answer) for answer in answers] == [
        (400, "invalid"),
        (400, "invalid"),
        (409, "offer_changed"),
    ]
    assert not money.Invoice.objects.exists()


def test_the_last_copy_is_reserved_until_the_quote_and_its_grace_are_over() -> None:
    sold = payable(stock=1)
    begin(sold)

    with pytest.raises(SoldOut, match="at the moment") as gone:
        begin(sold)
    assert "1 copy is reserved" in gone.value.said_hint
    assert Purchase.objects.count() == 1
    with pytest.raises(SoldOut):
        begin(sold, now=NOW + LATER - timedelta(minutes=2))
    assert begin(sold, now=NOW + LATER).invoice is not None


def test_sold_out_is_an_honest_answer_of_the_api() -> None:
    sold = payable(stock=0)

    assert refusal(buy(sold)) == (409, "sold_out")
    assert not money.Invoice.objects.exists()


def test_paid_granted_and_reserved_copies_count_but_no_proof_selftest_or_favour() -> None:
    sold = payable(stock=4, free_first=1)
    begin(sold)  # the free one
    pay(begin(sold).purchase)
    begin(sold)
    proof = Buyer().purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    Purchase.objects.filter(id=proof.id).update(is_proof=True)
    for kind in (GrantKind.SELFTEST, GrantKind.AGAIN, GrantKind.STAFF):
        grants.give(Buyer().purchase(sold).id, kind, now=NOW)

    counts = stock.counts_of(sold.file, stock.current_terms(sold.file), now=NOW)

    assert (counts.taken, counts.reserved, counts.given_first) == (2, 1, 1)
    begin(sold)
    with pytest.raises(SoldOut):
        begin(sold)


def test_an_order_that_was_refused_leaves_no_live_invoice() -> None:
    """The invoice is opened before the lock; whoever loses there gets it voided."""
    sold = payable(stock=1)
    paid_file = PaidFile.objects.get(id=sold.file.id)
    wish = stock.Wish(ask=Ask())
    assert stock.quote(paid_file, wish, now=NOW).grant is None
    begin(sold)

    with pytest.raises(SoldOut):
        stock.claim(paid_file, wish, now=NOW)


def test_a_late_payer_is_served_and_flagged_as_beyond_the_stock() -> None:
    sold = payable(stock=1)
    late = begin(sold).purchase
    bought = begin(sold, now=NOW + LATER).purchase
    pay(bought, at=NOW + LATER)
    announcements.drain(now=NOW + LATER)
    assert not invoice_of(bought).oversold

    pay(late, at=NOW + 2 * LATER)
    announcements.drain(now=NOW + 2 * LATER)
    announcements.drain(now=NOW + 2 * LATER)

    assert (invoice_of(bought).oversold, invoice_of(late).oversold) == (False, True)
    assert "OVERSOLD" in invoice_of(late).flags
    assert money.Event.objects.filter(invoice_id=invoice_id(late), kind="flagged").count() == 1
    assert keys.standing_of(late.id, now=NOW).is_open


def test_of_a_strict_stock_the_late_payers_money_goes_back() -> None:
    sold = payable(stock=1, is_strict=True)
    late = begin(sold).purchase

    bought = begin(sold, now=NOW + LATER).purchase

    assert invoices.status_of(invoice_id(late), now=NOW).is_withdrawn
    assert not invoices.status_of(invoice_id(bought), now=NOW).is_withdrawn


def test_of_a_strict_stock_who_pays_late_before_anybody_else_came_is_served() -> None:
    sold = payable(stock=1, is_strict=True)
    late = begin(sold).purchase
    sale.move(invoice_of(late), InvoiceState.SEEN)

    with pytest.raises(SoldOut):
        begin(sold, now=NOW + LATER)

    assert invoice_of(late).refund_due_at is None


def test_of_a_strict_stock_never_more_could_be_served_than_there_are() -> None:
    """Two let their time pass and two copies are left: one newcomer takes one place, not both."""
    sold = payable(stock=2, is_strict=True)
    early = [begin(sold).purchase for _ in range(2)]

    begin(sold, now=NOW + LATER)

    withdrawn = [invoice_of(row).refund_due_at is not None for row in early]
    assert sorted(withdrawn) == [False, True]
    begin(sold, now=NOW + LATER)
    assert all(invoice_of(row).refund_due_at is not None for row in early)
    with pytest.raises(SoldOut):
        begin(sold, now=NOW + LATER)


def test_a_new_quote_needs_a_copy_that_is_left() -> None:
    sold = payable(stock=1)
    late = begin(sold).purchase
    money.Invoice.objects.filter(pk=invoice_id(late)).update(state=InvoiceState.EXPIRED)
    begin(sold, now=NOW + LATER)

    with pytest.raises(SoldOut):
        purchases.requote(late, now=NOW + LATER)

    assert money.Quote.objects.filter(invoice_id=invoice_id(late)).count() == 1
    money.Invoice.objects.filter(pk=invoice_id(late)).update(seen_sat=5_000, state="PARTIAL")
    purchases.requote(late, now=NOW + LATER)  # who sent a part may complete it
    assert money.Quote.objects.filter(invoice_id=invoice_id(late)).count() == 2


def test_it_is_sold_between_its_dates_only() -> None:
    sold = payable(sells_from=NOW - timedelta(days=1), sells_until=NOW + timedelta(days=1))

    begin(sold)
    with pytest.raises(NoLongerOnSale):
        begin(sold, now=NOW + timedelta(days=1))
    assert Purchase.objects.count() == 1


def test_an_order_is_refused_when_the_price_rose_meanwhile() -> None:
    sold = payable()

    with pytest.raises(OfferChanged):
        begin(sold, pays=price("0.00009"))

    assert not money.Invoice.objects.exists()


def test_terms_are_kept_with_the_file_and_go_when_they_are_the_usual_ones() -> None:
    sold = payable()
    me, usual = sold.file.creator, Terms(price=price("0"))

    files.edit(sold.file.id, Draft(pricing=replace(usual, stock=5)), creator=me, now=NOW)
    assert Pricing.objects.get().stock == 5

    files.edit(sold.file.id, Draft(title="Ten recordings"), creator=me, now=NOW)
    assert Pricing.objects.get().stock == 5
    files.edit(sold.file.id, Draft(pricing=usual), creator=me, now=NOW)
    assert not Pricing.objects.exists()


def test_a_suggestion_in_yesterdays_currency_is_refused_and_nothing_changes() -> None:
    sold = payable(kind=PriceKind.MINIMUM, suggested_amount=Decimal(1), suggested_currency="BCH")
    draft = Draft(price=replace(price("5"), currency="EUR"))

    with pytest.raises(PricingInvalid):
        files.edit(sold.file.id, draft, creator=sold.file.creator, now=NOW)

    assert PaidFile.objects.get().price_currency == "BCH"


def test_making_a_stock_strict_calls_off_whom_it_has_no_place_for() -> None:
    sold = payable(stock=1)
    late = begin(sold).purchase
    pay(begin(sold, now=NOW + LATER).purchase)
    strict = Terms(price=price("0"), stock=1, is_strict=True)

    files.edit(sold.file.id, Draft(pricing=strict), creator=sold.file.creator, now=NOW + LATER)

    assert invoice_of(late).refund_due_at is not None


def test_a_free_file_is_published_without_a_payout() -> None:
    sold = sale.publish(state=FileState.PAUSED, price_amount=Decimal(0))
    Pricing.objects.create(paid_file=sold.file, kind=PriceKind.FREE)

    resumed = files.resume(sold.file.id, creator=sold.file.creator, now=NOW)

    assert resumed.state == FileState.PUBLISHED


def test_a_buyer_sees_what_is_left_only_if_its_creator_shows_it() -> None:
    now = timezone.now()
    hidden, shown = payable(stock=3), payable(stock=3, shows_stock=True, free_first=2)
    begin(shown, now=now)

    selling = offers.of(files.find(shown.file.id), now=now).selling

    assert (selling.left, selling.free_left, selling.is_sold_out) == (2, 1, False)
    assert offers.of(files.find(hidden.file.id), now=now).selling.left is None
    answer = Buyer().client.get(f"/api/v1/files/{shown.file.id}/")
    assert answer.json()["selling"] == {
        "kind": "fixed",
        "suggested": None,
        "free_left": 1,
        "left": 2,
        "is_sold_out": False,
        "free_at": None,
        "sells_from": None,
        "sells_until": None,
        "takes_tips": False,
    }
    assert "pricing" not in answer.json()
