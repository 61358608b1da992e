"""A purchase given again: its buyer lost everything, asks under a new claim, and the creator, who
finds the old sale, says yes. The old purchase stays as it is; the new one gets a grant.

What is asked is a purchase with neither an invoice nor a grant. It holds no copy of a limited stock.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.db import transaction

from payments import accounting
from payments.accounting import Wanted
from payments.states import InvoiceState
from unlock import grants, keys, purchases, sales
from unlock.creator_errors import FileMissing
from unlock.errors import (
    AgainCounted,
    AgainOtherFile,
    AgainUnknown,
    AlreadyYours,
    SaleUnpaid,
)
from unlock.models import GivenAgain, PaidFile, Purchase
from unlock.sales import Filters
from unlock.states import FileState, GrantKind

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from payments.accounting import Bill
    from unlock.models import Creator
    from unlock.purchases import Order

MOST: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """A paid sale that may be the one. ``given``: how often it was given again already."""

    purchase: Purchase
    bill: Bill
    given: int


def ask(order: Order, *, now: datetime) -> Purchase:
    """A purchase that waits for its creator's yes, of a file in whatever state but a draft.

    Raises BuyerKeyInvalid, FileMissing, ClaimKnown; nothing was asked then.
    """
    purchases.check_key(order.buyer_key)
    rows = PaidFile.objects.select_related("container", "creator__user", "pricing")
    paid_file = rows.filter(id=order.paid_file_id).exclude(state=FileState.DRAFT).first()
    if paid_file is None or paid_file.container is None:
        raise FileMissing("There is no such file.")
    with transaction.atomic():
        return purchases.record(order, paid_file=paid_file, invoice_id=None, now=now)


def find(creator: Creator, purchase_id: UUID) -> Purchase:
    """What was asked of this creator. Raises AgainUnknown."""
    rows = Purchase.objects.select_related("paid_file", "grant").filter(
        id=purchase_id, paid_file__creator=creator, invoice_id=None, is_proof=False
    )
    asked = rows.first()
    kind = getattr(getattr(asked, "grant", None), "kind", GrantKind.AGAIN)
    if asked is None or kind != GrantKind.AGAIN:
        raise AgainUnknown("Nobody asked for that.")
    return asked


def is_given(asked: Purchase) -> bool:
    return GivenAgain.objects.filter(new=asked).exists()


def past_sales(creator: Creator, asked: Purchase, text: str) -> tuple[Past, ...]:
    """Paid sales of the asked file, newest first. ``text``: a transaction id, an address, an amount
    in BCH, a shop's reference, or the id of a purchase or invoice; "" for the latest.
    """
    mine = Purchase.objects.filter(
        paid_file=asked.paid_file_id, invoice_id__isnull=False, is_proof=False
    )
    wanted = Filters(states=(InvoiceState.PAID,), file=asked.paid_file_id, text=text.strip())
    found = {each.bill.id: each.bill for each in sales.page(creator, wanted, limit=MOST).sales}
    if wanted.text:
        named = mine.filter(reference__icontains=wanted.text).values("invoice_id")
        referred = Wanted(owner=creator.id, among=named, states=wanted.states)
        found |= {bill.id: bill for bill in accounting.page(referred, limit=MOST)}
    bought = {row.invoice_id: row for row in mine.filter(invoice_id__in=found)}
    again = GivenAgain.objects.filter(old__in=bought.values()).values_list("old_id", flat=True)
    given = Counter(again)
    ordered = sorted(found.values(), key=lambda bill: bill.created_at, reverse=True)[:MOST]
    return tuple(
        Past(purchase=bought[bill.id], bill=bill, given=given[bought[bill.id].id])
        for bill in ordered
    )


def give(
    creator: Creator, old_id: UUID, asked_id: UUID, *, known: int, now: datetime
) -> GivenAgain:
    """Let what was asked open, because ``old_id`` was paid. ``known`` is how often the creator saw
    that it had been given again. Twice is once.

    Raises AgainUnknown, PurchaseUnknown (no sale of this creator), AgainOtherFile, SaleUnpaid,
    AlreadyYours, AgainCounted; nothing was given then.
    """
    asked, old = find(creator, asked_id), sales.find(creator, old_id)
    if asked.paid_file_id != old.paid_file_id:
        raise AgainOtherFile("That sale is of another file.")
    with transaction.atomic():
        # The file's lock, as for every grant: two presses at once count one after the other.
        PaidFile.objects.select_for_update().get(id=old.paid_file_id)
        made = GivenAgain.objects.filter(new=asked).first()
        if made is not None and made.old_id == old.id:
            return made
        if made is not None:
            raise AlreadyYours("It was given for another sale already.")
        if old.is_proof or not keys.standing_of(old.id, now=now).is_open:
            raise SaleUnpaid("That sale was not paid.")
        if GivenAgain.objects.filter(old=old).count() != known:
            raise AgainCounted("It was given again in the meantime.")
        grants.give(
            asked.id,
            GrantKind.AGAIN,
            now=now,
            reason=f"again for {old.id}",
            granted_by=creator.user,
        )
        return GivenAgain.objects.create(old=old, new=asked, created_at=now)


def given(old_id: UUID) -> int:
    return GivenAgain.objects.filter(old=old_id).count()
