"""What a buyer reads in every state, with every flag: on the page, the plain page and in the API."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from django.test import Client
from django.utils import timezone

from payments import counting
from payments import models as money
from payments.states import InvoiceFlag, InvoiceState, RefundReason
from tests.unlock import sale
from tests.unlock.sale import NOW, Buyer
from unlock import grants, live, wordings
from unlock.states import GrantKind

pytestmark = pytest.mark.django_db
LATER = NOW + timedelta(hours=2)


def told(state: InvoiceState, **columns: Any) -> wordings.Said:
    """What the API, the plain page and a live event say of such an invoice: all three the same."""
    refund = columns.pop("refund", None)
    invoice = sale.owe(sale.publish(), state, swept_at=timezone.now())
    for name, value in columns.items():
        setattr(invoice, name, value)
    invoice.save()
    if refund is not None:
        money.Refund.objects.create(invoice=invoice, asked_at=NOW, **refund)
    buyer = Buyer()
    bought = buyer.purchase(sale.Sold(_file(), b""), invoice_id=invoice.id)
    answer = buyer.client.get(f"/api/v1/purchases/{bought.id}/").json()
    page = Client().get(f"/p/{bought.id}/status").content.decode()
    event = live.read([bought.id])[bought.id].state

    assert (event.says, list(event.notes)) == (answer["says"], answer["notes"])
    assert (event.tone, event.is_payable) == (answer["tone"], answer["is_payable"])
    for text in (answer["says"], *answer["notes"]):
        assert text.replace("'", "&#x27;").replace("&", "&amp;").replace("&amp;#", "&#") in page
    assert ("data:image/svg" in page) is answer["is_payable"]
    return wordings.Said(
        title="",
        says=answer["says"],
        tone=answer["tone"],
        notes=tuple(answer["notes"]),
        is_payable=answer["is_payable"],
    )


def _file() -> Any:
    from unlock.models import PaidFile

    return PaidFile.objects.select_related("container").latest("created_at", "pk")


PART = {"seen_sat": 3_000, "missing_sat": 7_000}
AHEAD = {"quote_until": timezone.now() + timedelta(days=3650)}


@pytest.mark.parametrize(
    ("state", "columns", "says", "tone", "is_payable"),
    [
        ("OPEN", {}, "Waiting for your payment.", "", True),
        ("PARTIAL", {**PART, **AHEAD}, ("0.00003 of 0.0001 BCH received. Send 0.00007 BCH more to the"
         " same address."), "amber", True),
        ("PARTIAL", PART, ("0.00003 BCH received; today it costs 0.0001 BCH. Send 0.00007 BCH more to the same address. The"
         " creator may also accept what came."), "amber", True),
        ("PARTIAL", {"seen_sat": 10_000, "missing_sat": 2_000, "due_sat": 12_000,
         "flags": ["LATE", "RATE_DRIFT"]}, ("0.0001 BCH arrived after the quote had run out, and the"
         " rate has changed: today it costs 0.00012 BCH. Send 0.00002 BCH more"), "amber", True),
        ("PARTIAL", {"seen_sat": 10_000, "missing_sat": 0, "flags": ["LATE"]},
         "there is no exchange rate now that says what is missing. Do nothing", "amber", False),
        ("SEEN", {}, "Payment seen: 0.0001 BCH. Waiting for the next block", "", False),
        ("SEEN", {"confirmations": 6, "depth": 2}, "2 of 6 confirmations", "", False),
        ("SUSPECT", {}, "The next block decides which one counts. Do not pay again.", "amber", False),
        ("PAID", {"depth": 1}, "Paid and confirmed. The key is on its way", "", False),
        ("EXPIRED", {}, "The quote has run out. Paid already? It is still detected", "amber", False),
        ("EXPIRED", {"flags": ["VOID"]}, "This order was called off. Paid already?", "amber", False),
        ("REVERSED", {}, "If it comes back, the file opens by itself.", "red", False),
        ("EXPIRED", {"refund_due_at": NOW}, "do not pay. Nothing of yours has arrived.", "amber",
         False),
        ("SEEN", {"refund_due_at": NOW, "flags": ["REFUND_DUE", "VOID"]}, ("This file was removed"
         " before your payment was confirmed. All 0.0001 BCH go back to you. Do not send more."),
         "amber", False),
    ],
)  # fmt: skip
def test_every_state_is_told_in_one_plain_line(
    state: str, columns: dict[str, Any], says: str, tone: str, is_payable: bool
) -> None:
    said = told(InvoiceState(state), **columns)

    assert says in said.says
    assert (said.tone, said.is_payable) == (tone, is_payable)


@pytest.mark.parametrize(
    ("flag", "columns", "note"),
    [
        ("OVER", {"seen_sat": 40_000}, "It goes back to you once it is confirmed."),
        ("OVER", {"seen_sat": 11_000}, "So little is not sent back by itself"),
        ("LATE", {}, "It arrived after the quote had run out, and counts all the same."),
        ("TOKEN_IGNORED", {}, "together with a token do not count: send plain BCH"),
        ("COINBASE_WAIT", {}, "comes straight from mining and counts after 100 blocks"),
        ("DUST", {}, "each must be at least 0.000015 BCH"),
        ("DOUBLE_SPEND_SEEN", {}, "Somebody tried to spend the same coins twice"),
        ("EVICTED", {}, "has vanished from the network"),
        ("SPV_PENDING", {}, "the proof is being checked"),
        ("OVERSOLD", {}, "Yours counts all the same"),
    ],
)
def test_every_flag_is_told(flag: str, columns: dict[str, Any], note: str) -> None:
    said = told(InvoiceState.PAID, flags=[flag], **columns)

    assert [note in each for each in said.notes] == [True]


def test_no_flag_is_forgotten() -> None:
    by_state = {"LATE", "RATE_DRIFT", "VOID", "DOUBLE_SPEND_SEEN", "OVER"}
    by_refund = {"REFUND_DUE", "REFUNDED"}

    assert set(wordings._NOTES) | by_state | by_refund == set(InvoiceFlag)
    assert str(wordings.short(counting.COVENANT_FLOOR_SAT)) == "0.000015"


@pytest.mark.parametrize(
    ("columns", "note"),
    [
        ({}, "0.0003 BCH go back to you. Say where to"),
        ({"address": "bchreg:q"}, "0.0003 BCH go back to you. The creator has been told where to."),
        ({"address": "bchreg:q", "txid": "ab" * 32, "paid_sat": 30_000, "seen_at": NOW},
         "0.0003 of 0.0003 BCH are on their way back to you"),
        ({"address": "bchreg:q", "txid": "ab" * 32, "paid_sat": 30_000, "closed_at": LATER},
         "0.0003 BCH went back to you: it is in a block."),
        ({"closed_at": LATER, "note": "sent by post"}, "has settled the 0.0003 BCH"),
    ],
)  # fmt: skip
def test_every_step_of_a_refund_is_told(columns: dict[str, Any], note: str) -> None:
    refund = {"reason": RefundReason.OVER, "due_sat": 30_000, **columns}
    said = told(InvoiceState.PAID, flags=["OVER", "REFUND_DUE"], seen_sat=40_000, refund=refund)

    assert [note in each for each in said.notes] == [True]


def test_what_a_creator_writes_is_for_the_buyer_alone() -> None:
    invoice = sale.owe(sale.publish(), InvoiceState.PAID)
    money.Refund.objects.create(
        invoice=invoice,
        asked_at=NOW,
        closed_at=NOW,
        note="sent by post",
        due_sat=1,
        reason="agreed",
    )
    buyer = Buyer()
    bought = buyer.purchase(sale.Sold(_file(), b""), invoice_id=invoice.id)

    answer = buyer.client.get(f"/api/v1/purchases/{bought.id}/").json()
    page = Client().get(f"/p/{bought.id}/status").content.decode()

    assert answer["refund"]["note"] == "sent by post"
    assert "sent by post" not in page + str(live.read([bought.id]))


@pytest.mark.parametrize(
    ("bps", "hint"),
    [
        (100, "From an exchange? Its fee may be up to 0.000005 BCH."),
        (0, "From an exchange? Send its fee on top: the whole amount must arrive."),
    ],
)
def test_whoever_pays_from_an_exchange_is_told_before_the_code(bps: int, hint: str) -> None:
    invoice = sale.owe(sale.publish(), tolerance_bps=bps)
    buyer = Buyer()
    bought = buyer.purchase(sale.Sold(_file(), b""), invoice_id=invoice.id)

    answer = buyer.client.get(f"/api/v1/purchases/{bought.id}/").json()
    page = Client().get(f"/p/{bought.id}/status").content.decode()

    assert answer["exchange_hint"] == hint
    assert page.index(hint) < page.index("data:image/svg")


def test_a_gift_says_so() -> None:
    bought = Buyer().purchase(sale.publish())
    grants.give(bought.id, GrantKind.GIFT, now=sale.NOW)

    assert isinstance(bought.id, UUID)
    assert live.read([bought.id])[bought.id].state.says.startswith("This file was given to you.")
