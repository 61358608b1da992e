"""Purchases: a buyer's order of one paid file, proved by a claim of which only the hash is kept."""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING
from uuid import UUID

from django.conf import settings
from django.core.cache import cache
from django.db import IntegrityError, transaction
from redis.exceptions import RedisError

from payments import invoices, payouts
from payments.amounts import BCH, SAT_PER_BCH, parse_price
from payments.errors import ServiceError
from payments.states import InvoiceState
from unlock import codes, container, grants, instances, stock, versions
from unlock.creator_errors import FileMissing, ProofOpen, SecretMissing, UploadNotVerified
from unlock.errors import (
    BuyerKeyInvalid,
    ClaimKnown,
    NotForSale,
    PurchaseUnknown,
    TooManyPurchases,
    WrongKey,
)
from unlock.models import PaidFile, Purchase
from unlock.pricing import Ask
from unlock.pricing_errors import OfferChanged
from unlock.states import FileState, GrantKind

if TYPE_CHECKING:
    from datetime import datetime

    from django.db.models import QuerySet

    from payments.amounts import Price
    from payments.invoices import InvoiceView
    from unlock.pricing import Owed

_UNPAID = frozenset({InvoiceState.OPEN, InvoiceState.PARTIAL, InvoiceState.SUSPECT})
_OPEN_REMEMBERED_SECONDS = 3600  # longer than a quote lasts; the states are read, not the clock


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """What a buyer's browser sends. ``source`` is the client's address; it is counted, not kept.

    ``pays`` and ``tip`` are what the buyer agreed to (``pricing.Ask``); ``code`` stood in the link.
    ``reference`` and ``return_url`` are a shop's own, cleaned (``limits``). ``note`` is L, sealed by
    the buyer for their other devices. ``content_id``: what their page proved, if it says so.
    """

    paid_file_id: UUID
    buyer_key: bytes
    claim_hash: bytes
    source: str
    pays: Price | None = None
    tip: Price | None = None
    code: str = ""
    reference: str = ""
    return_url: str = ""
    note: bytes = b""
    content_id: str = ""


@dataclass(frozen=True, slots=True)
class Begun:
    """What an order made, as it was written: who has it need not read it again. Without an invoice
    it was free, and its key is owed.
    """

    purchase: Purchase
    invoice: InvoiceView | None


def begin(order: Order, *, now: datetime) -> Begun:
    """Open an invoice with an address of its own and the purchase that it pays for.

    The invoice is committed first and the purchase names it when it is made: a crash between the
    two leaves an address that nobody was told, and whoever was told an address has a purchase that
    can unlock. Call it outside any transaction.

    What costs nothing gets a grant and no invoice. Raises BuyerKeyInvalid, InstanceClosing, FileMissing,
    NotForSale, ClaimKnown, TooManyPurchases, what ``stock.quote`` and ``invoices.open`` raise; no purchase
    exists then.
    """
    check_key(order.buyer_key)
    instances.check_open()
    paid_file = _for_sale(order.paid_file_id)
    _check_content(order, paid_file)
    payout = payouts.brief(paid_file.creator_id)
    if Purchase.objects.filter(claim_hash=order.claim_hash).exists():
        raise ClaimKnown("This claim was used before.")
    wish = _wish(order, paid_file, floor_sat=payout.floor_sat if payout else None, now=now)
    owed = stock.quote(paid_file, wish, now=now)
    if owed.grant is not None:
        return Begun(_take(order, wish, offered=paid_file, now=now), None)
    if payout is None:
        raise NotForSale("The creator has not said where the money goes.")
    _check_open(order, now=now)
    invoice = invoices.open(
        payout_id=payout.id,
        price=parse_price(owed.total.amount, owed.total.currency),
        confirmations=paid_file.confirmations,
        instant=paid_file.is_instant,
        now=now,
    )
    try:
        with transaction.atomic():
            _lock_unchanged(paid_file)
            if stock.claim(paid_file, wish, now=now) != owed:
                raise OfferChanged("The price changed in this moment.")
            purchase = record(order, paid_file=paid_file, invoice_id=invoice.id, now=now)
            _keep(purchase, wish, owed)
    except ServiceError:
        invoices.void(invoice.id, now=now)
        raise
    _remember_open(order, invoice.id)
    return Begun(purchase, invoice)


def begin_proof(order: Order, *, creator_id: UUID, now: datetime) -> Purchase:
    """A creator buys their own file at the payout's floor: it proves address, file and link.

    Paid and released as any other purchase, counted as none; at most one of a file waits for its
    payment. Call it outside any transaction. Raises BuyerKeyInvalid, FileMissing (not this
    creator's either), NotForSale, ClaimKnown, ProofOpen, and what ``invoices.open`` raises.
    """
    check_key(order.buyer_key)
    paid_file = _own(order.paid_file_id, creator_id=creator_id)
    payout = payouts.brief(creator_id)
    if payout is None:
        raise NotForSale("You have not said where the money goes.")
    if Purchase.objects.filter(claim_hash=order.claim_hash).exists():
        raise ClaimKnown("This claim was used before.")
    _check_no_proof(paid_file, now=now)
    invoice = invoices.open(
        payout_id=payout.id,
        price=parse_price(Decimal(payout.floor_sat) / SAT_PER_BCH, BCH),
        confirmations=paid_file.confirmations,
        instant=paid_file.is_instant,
        now=now,
    )
    try:
        with transaction.atomic():
            purchase = _link(order, offered=paid_file, invoice_id=invoice.id, now=now)
            # Again, now under the file's lock: two presses at once make one.
            _check_no_proof(paid_file, now=now)
            purchase.is_proof = True
            purchase.save(update_fields=["is_proof"])
    except (ClaimKnown, NotForSale, ProofOpen):
        invoices.void(invoice.id, now=now)
        raise
    return purchase


def begin_selftest(
    order: Order, *, creator_id: UUID, is_replacement: bool = False, now: datetime
) -> Purchase:
    """A creator's own purchase of a file, with a grant: publishing runs the buyer's path with it.

    ``is_replacement``: of what is staged to take its place. Raises BuyerKeyInvalid, FileMissing
    (not this creator's either), UploadNotVerified, SecretMissing, ReplacementMissing, ClaimKnown.
    """
    check_key(order.buyer_key)
    with transaction.atomic():
        paid_file = (
            PaidFile.objects.select_for_update()  # no join: see files.lock
            .filter(id=order.paid_file_id, creator_id=creator_id)
            .exclude(state=FileState.REMOVED)
            .first()
        )
        if paid_file is None:
            raise FileMissing("There is no such file of yours.")
        if is_replacement:
            paid_file = versions.candidate(paid_file)
        if paid_file.container is None or paid_file.container.verified_at is None:
            raise UploadNotVerified("The upload is not verified yet.")
        if not paid_file.s_sealed:
            raise SecretMissing("The file's key is not deposited yet.")
        purchase = record(order, paid_file=paid_file, invoice_id=None, now=now)
        grants.give(purchase.id, GrantKind.SELFTEST, now=now)
        return purchase


def find(purchase_id: UUID, *, claim_hash: bytes) -> Purchase:
    """The purchase, if the claim is its own. Raises PurchaseUnknown for every other reason alike."""
    purchase = (
        Purchase.objects.select_related("paid_file__container", "paid_file__creator__user")
        .filter(id=purchase_id)
        .first()
    )
    if purchase is None or not hmac.compare_digest(bytes(purchase.claim_hash), claim_hash):
        raise PurchaseUnknown("There is no such purchase.")
    return purchase


def requote(purchase: Purchase, *, now: datetime) -> InvoiceView:
    """A new quote for the same address; of a limited stock, if there is a copy for it.

    Raises NotForSale, what ``stock.check_renewal`` and ``invoices.requote`` raise.
    """
    if purchase.invoice_id is None:
        raise NotForSale("This purchase has nothing to pay.")
    with transaction.atomic():
        paid_file = PaidFile.objects.select_for_update(of=("self",)).get(id=purchase.paid_file_id)
        # Whoever sent a part already may complete it while the file is paused or sold out, never
        # once removed; its creator may prove it then.
        seen_sat = invoices.status_of(purchase.invoice_id, now=now).seen_sat
        begun = seen_sat > 0 or purchase.is_proof
        is_open = paid_file.state == FileState.PUBLISHED
        if not is_open and (paid_file.state != FileState.PAUSED or not begun):
            raise NotForSale("The file is not for sale now.")
        if not begun:
            stock.check_renewal(paid_file, now=now)
        return invoices.requote(purchase.invoice_id, now=now)


def price_with(paid_file_id: UUID, code: str, *, now: datetime) -> Owed:
    """What it costs with this code now; nothing is ordered. Raises as ``begin``."""
    paid_file = _for_sale(paid_file_id)
    payout = payouts.brief(paid_file.creator_id)
    order = Order(paid_file_id=paid_file_id, buyer_key=b"", claim_hash=b"", source="", code=code)
    wish = _wish(order, paid_file, floor_sat=payout.floor_sat if payout else None, now=now)
    return stock.quote(paid_file, wish, now=now)


def passed_selftest(paid_file: PaidFile, purchase_id: UUID) -> bool:
    """Whether this self-test got its key for the very content the file (or picture) names."""
    if paid_file.container is None:
        return False
    return Purchase.objects.filter(
        id=purchase_id,
        paid_file=paid_file,
        content_id=paid_file.container.content_id,
        generation=paid_file.generation,
        grant__kind=GrantKind.SELFTEST,
        releases__h_s=paid_file.h_s,
        releases__first_fetched_at__isnull=False,
    ).exists()


def check_key(buyer_key: bytes) -> None:
    try:
        container.check_public_key(buyer_key)
    except WrongKey as error:
        raise BuyerKeyInvalid.after(error) from error


def _for_sale(paid_file_id: UUID) -> PaidFile:
    paid_file = _with_words().filter(id=paid_file_id).first()
    if paid_file is None or paid_file.state == FileState.DRAFT:
        raise FileMissing("There is no such file.")
    if paid_file.state != FileState.PUBLISHED or paid_file.creator.suspended_at is not None:
        raise NotForSale("This file is not for sale now.")
    return paid_file


def _check_content(order: Order, paid_file: PaidFile) -> None:
    """Raises OfferChanged where another version is on sale than the buyer looked at."""
    held = paid_file.container
    if order.content_id and held is not None and order.content_id != held.content_id:
        raise OfferChanged("The seller replaced this file in this moment.")


def _with_words() -> QuerySet[PaidFile]:
    """Files with all that an offer tells of them."""
    return PaidFile.objects.select_related("container", "creator__user", "pricing")


def _own(paid_file_id: UUID, *, creator_id: UUID) -> PaidFile:
    paid_file = _with_words().filter(id=paid_file_id, creator_id=creator_id).first()
    if paid_file is None:
        raise FileMissing("There is no such file of yours.")
    if paid_file.state not in (FileState.PUBLISHED, FileState.PAUSED):
        raise NotForSale("Only a published file can be proven.")
    return paid_file


def _check_no_proof(paid_file: PaidFile, *, now: datetime) -> None:
    """Raises ProofOpen. What ran out unpaid is no obstacle: its page may be lost."""
    begun = Purchase.objects.filter(paid_file=paid_file, is_proof=True)
    ids = [row for row in begun.values_list("invoice_id", flat=True) if row is not None]
    for invoice in invoices.statuses_of(ids, now=now).values():
        is_quoted = invoice.state in _UNPAID and now < invoice.quote_until
        if is_quoted or invoice.state is InvoiceState.SEEN:
            raise ProofOpen("You are buying this file already.")


def _wish(order: Order, paid_file: PaidFile, *, floor_sat: int | None, now: datetime) -> stock.Wish:
    if not order.code:
        return stock.Wish(ask=Ask(pays=order.pays, tip=order.tip))
    code = codes.find(paid_file, order.code)
    return stock.Wish(
        ask=Ask(pays=order.pays, tip=order.tip, discount=codes.discount_of(code, paid_file)),
        floor=stock.floor_for(paid_file, floor_sat, now=now),
        code=code,
    )


def _take(order: Order, wish: stock.Wish, *, offered: PaidFile, now: datetime) -> Purchase:
    """What is free: purchase and grant together, counted under the file's lock."""
    with transaction.atomic():
        _lock_unchanged(offered)
        owed = stock.claim(offered, wish, now=now)
        if owed.grant is None:
            raise OfferChanged("The free copies are gone.")
        purchase = record(order, paid_file=offered, invoice_id=None, now=now)
        _keep(purchase, wish, owed)
        grants.give(purchase.id, owed.grant, now=now)
    return purchase


def _keep(purchase: Purchase, wish: stock.Wish, owed: Owed) -> None:
    """What a code or a tip made different, which most orders have neither of."""
    is_coded = wish.code is not None and owed.grant is not GrantKind.FIRST_N
    if is_coded or owed.tip.amount > 0:
        purchase.discount = wish.code if is_coded else None
        purchase.tip_amount = owed.tip.amount or None
        purchase.save(update_fields=["discount", "tip_amount"])


def _link(order: Order, *, offered: PaidFile, invoice_id: UUID, now: datetime) -> Purchase:
    """Make the row under the file's lock, if the file is still what the invoice was opened for."""
    with transaction.atomic():
        _lock_unchanged(offered)
        return record(order, paid_file=offered, invoice_id=invoice_id, now=now)


def _lock_unchanged(offered: PaidFile) -> None:
    """Take the file's lock, inside a transaction. Raises NotForSale if the offer is another one."""
    fixed = ("state", "container_id", "generation", "price_amount", "price_currency")
    locked = PaidFile.objects.select_for_update().filter(id=offered.id)
    if locked.values_list(*fixed).get() != tuple(getattr(offered, name) for name in fixed):
        raise NotForSale("The offer changed in this moment.")


def record(
    order: Order, *, paid_file: PaidFile, invoice_id: UUID | None, now: datetime
) -> Purchase:
    """The row of an order, of what the file sells now. The caller stands in a transaction.

    Raises NotForSale, ClaimKnown; the caller's transaction is to be given up then.
    """
    if paid_file.container is None:
        raise NotForSale("This file has no content.")
    try:
        # No savepoint: all callers stand in a transaction and give it up with this refusal.
        with transaction.atomic(savepoint=False):
            return Purchase.objects.create(
                paid_file=paid_file,
                claim_hash=order.claim_hash,
                buyer_key=order.buyer_key,
                content_id=paid_file.container.content_id,
                generation=paid_file.generation,
                invoice_id=invoice_id,
                reference=order.reference,
                return_url=order.return_url,
                note=order.note,
                created_at=now,
            )
    except IntegrityError as error:
        raise ClaimKnown("This claim was used before.") from error


def _check_open(order: Order, *, now: datetime) -> None:
    ids = _open_ids(order)
    statuses = invoices.statuses_of(ids, now=now).values()
    unpaid = sum(status.state is InvoiceState.OPEN for status in statuses)
    if unpaid >= settings.KIM_PURCHASES_OPEN_PER_IP:
        raise TooManyPurchases("{unpaid} orders of this file are open and unpaid.", unpaid=unpaid)


def _remember_open(order: Order, invoice_id: UUID) -> None:
    # A limit, not a fact: counted in the cache only, so that no table ties addresses to purchases.
    recent = [*_open_ids(order), invoice_id][-20:]
    try:
        cache.set(_open_key(order), [str(each) for each in recent], _OPEN_REMEMBERED_SECONDS)
    except RedisError:
        return


def _open_ids(order: Order) -> list[UUID]:
    try:
        recent: list[str] = cache.get(_open_key(order), [])
    except RedisError:  # losing Redis must not close the shop
        return []
    return [UUID(each) for each in recent]


def _open_key(order: Order) -> str:
    return f"open-orders:{order.paid_file_id}:{order.source}"
