"""Offers: a paid file as anybody sees it, and as its creator sees it. Reads only."""

from __future__ import annotations

from dataclasses import dataclass, fields
from functools import partial
from typing import TYPE_CHECKING, Any

from django.db.models import Q

from payments import instant_offers, invoices, payouts, rate_table
from payments.amounts import BCH, Price
from unlock import (
    audits,
    committed,
    container,
    copies,
    covers,
    files,
    pricing,
    samples,
    stock,
    storefront,
    versions,
)
from unlock.models import Copy, KeyRelease, Purchase
from unlock.states import FileState, GrantKind, PriceKind
from unlock.stores import SIGNED_FOR, SignedRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import datetime
    from uuid import UUID

    from unlock.container import CoreHeader
    from unlock.models import Container, Creator, PaidFile, Upload
    from unlock.pricing import Terms
    from unlock.showing_rows import Audit, Cover

_CURRENCIES = (
    "EUR", "USD", "GBP", "CHF", "CAD", "AUD", "NZD", "JPY", "CNY", "INR", "KRW", "BRL", "MXN",
    "ZAR", "SEK", "NOK", "DKK", "PLN", "CZK", "TRY",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a buyer may know before paying. Empty strings and bytes where there is nothing yet.

    ``is_instant``: its creator sells it before a block; ``opens_instantly``: at this price too.
    ``meta_link``: the description under the link of now, where the object's own is under an older.
    """

    id: UUID
    state: str
    title: str
    description: str
    price: Price
    price_sat_estimate: int | None
    rate_missing: bool
    size_bytes: int
    payload_bytes: int
    content_id: str
    wrapped_key: bytes
    h_s: str
    generation: int
    version: int
    link_generation: int
    meta_link: bytes
    core_header: bytes
    confirmations: int
    is_instant: bool
    opens_instantly: bool
    stream_only: bool
    creator: Creator
    payout_kind: str | None
    floor_sat: int | None
    copies: tuple[UUID, ...]
    sample: Sample | None
    audit: Audit | None
    cover: Cover | None
    selling: Selling
    showcase: storefront.Shown


@dataclass(frozen=True, slots=True, kw_only=True)
class Selling:
    """How it is sold, as far as its creator shows it. ``left``: copies; ``free_left``: of the first
    that cost nothing. Sold out, a reserved copy may come free at ``free_at``.
    """

    kind: PriceKind
    suggested: Price | None
    free_left: int
    left: int | None
    is_sold_out: bool
    free_at: datetime | None
    sells_from: datetime | None
    sells_until: datetime | None
    takes_tips: bool


@dataclass(frozen=True, slots=True)
class Sample:
    """How much may be looked at before paying, and how it is shown."""

    kind: str
    segments: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sales:
    """What a file brought in, and what was proved on the way. Proofs of its creator are no sales.

    ``is_address_proven``: money for this file did arrive, a stranger's or the creator's own.
    """

    count: int
    income_sat: int
    has_selftest: bool
    is_address_proven: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnFile(Offer):
    """A file as its creator sees it: the offer, and what is nobody else's business."""

    upload: Upload | None
    file_id: str
    link_file_id: str
    created_at: datetime
    sales: Sales
    terms: Terms


@dataclass(frozen=True, slots=True)
class Stretch:
    """A GET of exactly these bytes; ``others`` are addresses of the same bytes in further copies, in
    the order to try them, each with the same headers.
    """

    signed: SignedRequest
    others: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranges:
    """Exactly the header, the index and, if asked for, segments that are shown."""

    header: Stretch
    index: Stretch
    segments: tuple[Run, ...] = ()

    @property
    def core_bytes(self) -> int:
        return self.header.signed.size_bytes + self.index.signed.size_bytes

    @property
    def shown_bytes(self) -> int:
        return sum(run.stretch.signed.size_bytes for run in self.segments)


@dataclass(frozen=True, slots=True)
class Run:
    """Neighbouring segments whose keys are public."""

    first: int
    count: int
    stretch: Stretch


def of(paid_file: PaidFile, *, now: datetime) -> Offer:
    """The offer as it stands. A removed file keeps its facts and loses its words."""
    price = files.price_of(paid_file)
    estimate_sat = invoices.estimate_sat(price, now=now, owner=paid_file.creator_id)
    payout = payouts.brief(paid_file.creator_id)
    held, edition = paid_file.container, versions.edition_of(paid_file)
    is_removed = paid_file.state == FileState.REMOVED
    return Offer(
        id=paid_file.id,
        state=paid_file.state,
        title="" if is_removed else paid_file.title,
        description="" if is_removed else paid_file.description,
        price=price,
        price_sat_estimate=estimate_sat,
        rate_missing=estimate_sat is None and price.currency != BCH,
        size_bytes=held.size_bytes if held else 0,
        payload_bytes=held.payload_bytes if held else 0,
        content_id=held.content_id if held else "",
        wrapped_key=bytes(paid_file.wrapped_key),
        h_s=paid_file.h_s,
        generation=paid_file.generation,
        version=edition.number,
        link_generation=edition.link_generation,
        meta_link=edition.meta_link,
        core_header=bytes(held.core_header) if held else b"",
        confirmations=paid_file.confirmations,
        is_instant=paid_file.is_instant,
        opens_instantly=_opens_instantly(paid_file, estimate_sat),
        stream_only=paid_file.stream_only,
        creator=paid_file.creator,
        payout_kind=payout.kind if payout else None,
        floor_sat=payout.floor_sat if payout else None,
        copies=_copies_of(held),
        sample=_sample_of(paid_file),
        audit=audits.of(held),
        cover=covers.of(paid_file),
        selling=selling_of(paid_file, now=now),
        showcase=storefront.shown(paid_file),
    )


def selling_of(paid_file: PaidFile, *, now: datetime) -> Selling:
    """What its page says beside the price."""
    terms = stock.terms_of(paid_file)
    counts = stock.counts_of(paid_file, terms, now=now)
    left = pricing.left(terms, counts)
    return Selling(
        kind=terms.kind,
        suggested=terms.suggested,
        free_left=max(0, terms.free_first - counts.given_first),
        left=left if terms.shows_stock else None,
        is_sold_out=left == 0,
        free_at=counts.free_at if left == 0 else None,
        sells_from=terms.sells_from,
        sells_until=terms.sells_until,
        takes_tips=terms.takes_tips,
    )


def opens_instantly(paid_file: PaidFile, *, now: datetime) -> bool:
    """Whether a sale at today's price may open within seconds of being paid."""
    price, owner = files.price_of(paid_file), paid_file.creator_id
    return _opens_instantly(paid_file, invoices.estimate_sat(price, now=now, owner=owner))


def of_own(paid_file: PaidFile, *, now: datetime) -> OwnFile:
    """The file for its creator, who also reads the words of a removed one."""
    offer = of(paid_file, now=now)
    shared = {field.name: getattr(offer, field.name) for field in fields(offer)}
    held = paid_file.container
    own: dict[str, Any] = {
        **shared,
        "title": paid_file.title,
        "description": paid_file.description,
        "upload": None if held is None else getattr(held, "upload", None),
        "file_id": bytes(held.file_id).hex() if held else "",
        "link_file_id": versions.edition_of(paid_file).link_file_id.hex(),
        "created_at": paid_file.created_at,
        "sales": sales_of(paid_file),
        "terms": stock.terms_of(paid_file),
    }
    return OwnFile(**own)


def sales_of(paid_file: PaidFile) -> Sales:
    """Settled sales, and whether the buyer's path passed on the content as it is now."""
    sold, proofs = (_totals(paid_file, is_proof=is_proof) for is_proof in (False, True))
    tested = KeyRelease.objects.filter(
        Q(purchase__grant__kind=GrantKind.SELFTEST) | Q(purchase__is_proof=True),
        purchase__paid_file=paid_file,
        h_s=paid_file.h_s,
        first_fetched_at__isnull=False,
    )
    return Sales(
        count=sold.settled,
        income_sat=sold.settled_sat,
        has_selftest=bool(paid_file.h_s) and tested.exists(),
        is_address_proven=sold.settled + proofs.settled > 0,
    )


def currencies(*, now: datetime) -> tuple[str, ...]:
    """The fiat currencies that have a rate now, of those that people ask for most."""
    known = rate_table.everything(now=now)
    return tuple(currency for currency in _CURRENCIES if currency in known)


def sign_ranges(paid_file: PaidFile, *, segments: Iterable[int] = (), now: datetime) -> Ranges:
    """Header and index for anybody: with them a link is checked before paying, and nothing more.

    ``segments``: those whose keys are public. In every store's copy; while no store has one, at the
    creator's own hosts. Raises UploadNotVerified, CopyUnavailable, CopiesDamaged.
    """
    held = committed.verified(paid_file)
    core = committed.core_of(held)
    signers: list[Callable[..., SignedRequest]] = [
        partial(store.sign_range, copy.object_key)
        for copy, store in copies.served(held.id, now=now)
    ]
    signers = signers or [partial(_range_at, copy.url) for copy in copies.own(held.id)]
    if not signers:
        raise copies.refusal(held.id)

    def stretch(offset: int, size_bytes: int) -> Stretch:
        first, *others = [sign(offset=offset, size_bytes=size_bytes, now=now) for sign in signers]
        return Stretch(first, tuple(other.url for other in others))

    return Ranges(
        header=stretch(0, core.header_bytes),
        index=stretch(core.index_offset, core.index_bytes),
        segments=tuple(
            Run(first, count, stretch(at, size_bytes))
            for first, count, (at, size_bytes) in _stretches(core, segments)
        ),
    )


def _range_at(url: str, *, offset: int, size_bytes: int, now: datetime) -> SignedRequest:
    """Of a host that signs nothing; its address is asked about again as if it were signed."""
    headers = {"Range": f"bytes={offset}-{offset + size_bytes - 1}"}
    return SignedRequest(
        url=url, headers=headers, size_bytes=size_bytes, expires_at=now + SIGNED_FOR
    )


def shown_segments(paid_file: PaidFile, shown: str) -> list[int]:
    """The segments whose keys are public, as "sample" or as "audit"; none for another word."""
    if shown == "sample":
        sample = samples.of(paid_file)
        return samples.segments_of(sample) if sample else []
    audit = audits.of(paid_file.container) if shown == "audit" else None
    return audits.segments_of(audit) if audit else []


def _stretches(
    core: CoreHeader, segments: Iterable[int]
) -> Iterator[tuple[int, int, container.Span]]:
    """Neighbours together: first, how many, and where they lie; never a byte in between."""
    for first, count in committed.runs_of(segments):
        start, end = core.segment_range(first), core.segment_range(first + count - 1)
        size_bytes = end.offset + end.size_bytes - start.offset
        yield first, count, container.Span(start.offset, size_bytes)


def _sample_of(paid_file: PaidFile) -> Sample | None:
    shown = samples.of(paid_file)
    return Sample(shown.kind, len(samples.segments_of(shown))) if shown else None


def _opens_instantly(paid_file: PaidFile, estimate_sat: int | None) -> bool:
    if not paid_file.is_instant or estimate_sat is None:
        return False
    return instant_offers.covers(paid_file.creator_id, estimate_sat)


def _totals(paid_file: PaidFile, *, is_proof: bool) -> invoices.Totals:
    bought = Purchase.objects.filter(
        paid_file=paid_file, invoice_id__isnull=False, is_proof=is_proof
    )
    ids = [row for row in bought.values_list("invoice_id", flat=True) if row is not None]
    return invoices.totals(ids) if ids else invoices.Totals(settled=0, settled_sat=0)


def _copies_of(held: Container | None) -> tuple[UUID, ...]:
    if held is None:
        return ()
    there = Copy.objects.filter(container=held, verified_at__isnull=False, damaged_at__isnull=True)
    return tuple(there.order_by("created_at").values_list("id", flat=True))
