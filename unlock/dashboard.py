"""What a creator sees first: what needs them, what was earned over time, and every file with its sums.

Reads only. All files and sales are summed up each time, in a number of queries that grows with
neither; only the rows of one page are read whole.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from django.db.models import Count, Max, OuterRef, Subquery, UUIDField

from payments import incomes, payouts
from payments.amounts import Price
from unlock import deposits, duties, files, losses, payout_changes, stock, versions
from unlock.duties import DutyKind
from unlock.models import Cover, Grant, KeyRelease, PaidFile, Purchase
from unlock.sales import Step, Takings, bars_of, midnight, step_for
from unlock.states import FileState

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo
    from uuid import UUID

    from unlock.models import Creator
    from unlock.pricing import Terms
    from unlock.sales import Bar
    from unlock.versions import Edition

PER_PAGE: Final = 25
_NEVER: Final = datetime.min.replace(tzinfo=UTC)


class Sort(StrEnum):
    """What comes first; among equals the newest."""

    NEWEST = "newest"
    TITLE = "title"
    SOLD = "sold"
    INCOME = "income"
    LAST_SALE = "last_sale"


class NeedKind(StrEnum):
    """What needs the creator now, most pressing first."""

    PAYOUT_WAITS = "payout_waits"
    KEYS_LOST = "keys_lost"
    COPIES_LOST = "copies_lost"
    REFUNDS = "refunds"
    DECISIONS = "decisions"
    PAYOUT_MISSING = "payout_missing"
    PAYOUT_GAP = "payout_gap"
    TROUBLES = "troubles"


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """Which files, in which order; ``page`` counts from 1, and one too high is the last."""

    text: str = ""
    state: FileState | None = None
    sort: Sort = Sort.NEWEST
    page: int = 1
    limit: int = PER_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Need:
    """``due_at``: of a change that waits."""

    kind: NeedKind
    count: int = 1
    due_at: datetime | None = None


@dataclass(slots=True, kw_only=True)
class Sums:
    """What one file brought in. ``given``: copies that cost nothing, by whatever way."""

    takings: Takings = field(default_factory=Takings)
    given: int = 0
    last_at: datetime | None = None

    def note(self, at: datetime) -> None:
        self.last_at = at if self.last_at is None else max(self.last_at, at)


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One file. ``is_proven``: money for it arrived, a stranger's or the creator's own."""

    file: PaidFile
    price: Price
    terms: Terms
    sums: Sums
    cover: str
    is_proven: bool
    edition: Edition

    @property
    def link_file_id(self) -> str:
        return self.edition.link_file_id.hex()

    @property
    def payload_bytes(self) -> int:
        return self.file.container.payload_bytes if self.file.container else 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Dashboard:
    """``states``: how many files there are in each; ``found``: how many fit what was asked;
    ``floor_sat``: the least that can be paid, once it is said where to.
    """

    needs: tuple[Need, ...]
    total: Takings
    given: int
    step: Step
    bars: tuple[Bar, ...]
    floor_sat: int | None
    states: dict[str, int]
    rows: tuple[Row, ...]
    found: int
    page: int
    pages: int


def of(creator: Creator, asked: Asked, *, zone: tzinfo, now: datetime) -> Dashboard:
    """Everything the page shows; ``zone`` says where days begin."""
    sums, total, days = _summed(creator, zone)
    known = _listed(creator, sums)
    fitting = [each for each in known if _fits(each, asked)]
    _put_in_order(fitting, sums, asked.sort)
    pages = max(1, -(-len(fitting) // asked.limit))
    page = min(asked.page, pages)
    shown = fitting[(page - 1) * asked.limit : page * asked.limit]
    step, payout = step_for(days), payouts.brief(creator.id)
    return Dashboard(
        needs=needs_of(creator, now=now),
        total=total,
        given=sum(each.given for each in sums.values()),
        step=step,
        bars=bars_of(days, step),
        floor_sat=None if payout is None else payout.floor_sat,
        states=dict(Counter(each["state"] for each in known)),
        rows=_rows([each["id"] for each in shown], sums),
        found=len(fitting),
        page=page,
        pages=pages,
    )


def needs_of(creator: Creator, *, now: datetime) -> tuple[Need, ...]:
    """Most pressing first."""
    counts = Counter(
        _KINDS.get(duty.kind, NeedKind.TROUBLES) for duty in duties.of(creator, now=now)
    )
    counts[NeedKind.KEYS_LOST] = deposits.count(creator)
    counts[NeedKind.COPIES_LOST] = losses.lost().filter(creator=creator).count()
    if payouts.brief(creator.id) is None and _sells(creator):
        counts[NeedKind.PAYOUT_MISSING] = 1
    counts[NeedKind.PAYOUT_GAP] = sum(gap.is_falling_back for gap in payouts.gaps(creator.id))
    waiting = payout_changes.waiting(creator)
    due = {} if waiting is None else {NeedKind.PAYOUT_WAITS: waiting.due_at}
    counts[NeedKind.PAYOUT_WAITS] = len(due)
    return tuple(
        Need(kind=kind, count=counts[kind], due_at=due.get(kind))
        for kind in NeedKind
        if counts[kind]
    )


_KINDS: Final = {
    DutyKind.REFUND: NeedKind.REFUNDS,
    DutyKind.FAILURE: NeedKind.DECISIONS,
    DutyKind.SHORT: NeedKind.DECISIONS,
}


def _sells(creator: Creator) -> bool:
    return PaidFile.objects.filter(creator=creator, state=FileState.PUBLISHED).exists()


def _summed(
    creator: Creator, zone: tzinfo
) -> tuple[dict[UUID, Sums], Takings, dict[datetime, Takings]]:
    """By file, in all, and by day."""
    sums, days = defaultdict[Any, Sums](Sums), defaultdict[Any, Takings](Takings)
    total = Takings()
    mine = Purchase.objects.filter(
        invoice_id=OuterRef("pk"), is_proof=False, paid_file__creator=creator
    )
    label = Subquery(mine.values("paid_file")[:1], output_field=UUIDField())
    for income in incomes.of(creator.id, label=label):
        sums[income.thing].takings.add(income)
        sums[income.thing].note(income.settled_at)
        total.add(income)
        days[midnight(income.settled_at, zone)].add(income)
    given = Grant.objects.filter(purchase__paid_file__creator=creator, kind__in=stock.COUNTED)
    by_file = given.values_list("purchase__paid_file").annotate(Count("pk"), Max("created_at"))
    for file_id, count, last_at in by_file:
        sums[file_id].given = count
        sums[file_id].note(last_at)
    return sums, total, days


def _listed(creator: Creator, sums: dict[UUID, Sums]) -> list[dict[str, Any]]:
    """All files as a list needs them. Of what was removed, only what was ever sold or given."""
    rows = PaidFile.objects.filter(creator=creator).order_by("-created_at", "pk")
    return [
        dict(row)
        for row in rows.values("id", "title", "state")
        if row["state"] != FileState.REMOVED or row["id"] in sums
    ]


def _fits(row: dict[str, Any], asked: Asked) -> bool:
    if asked.state is not None and row["state"] != asked.state:
        return False
    title = row["title"].casefold()
    return all(word in title for word in asked.text.casefold().split())


def _put_in_order(rows: list[dict[str, Any]], sums: dict[UUID, Sums], sort: Sort) -> None:
    """They come newest first; sorting keeps that among equals."""
    empty = Sums()

    def key(row: dict[str, Any]) -> Any:
        mine = sums.get(row["id"], empty)
        match sort:
            case Sort.SOLD:
                return mine.takings.count + mine.given
            case Sort.INCOME:
                return mine.takings.income_sat
            case _:
                return mine.last_at or _NEVER

    if sort is Sort.TITLE:
        rows.sort(key=lambda row: row["title"].casefold())
    elif sort is not Sort.NEWEST:
        rows.sort(key=key, reverse=True)


def _rows(ids: list[UUID], sums: dict[UUID, Sums]) -> tuple[Row, ...]:
    """Those of one page, in this order."""
    found = PaidFile.objects.select_related("container__upload", "pricing").in_bulk(ids)
    covers = dict(Cover.objects.filter(paid_file__in=ids).values_list("paid_file", "sha256"))
    proven, editions = _proven(ids), versions.editions_of(found.values())
    empty = Sums()
    return tuple(
        Row(
            file=found[key],
            price=files.price_of(found[key]),
            terms=stock.terms_of(found[key]),
            sums=sums.get(key, empty),
            cover=covers.get(key, ""),
            is_proven=key in proven or sums.get(key, empty).takings.count > 0,
            edition=editions[key],
        )
        for key in ids
    )


def _proven(ids: Iterable[UUID]) -> set[UUID]:
    """Files that their creator bought, with the key that came for it."""
    released = KeyRelease.objects.filter(purchase__is_proof=True, purchase__paid_file__in=ids)
    return set(released.values_list("purchase__paid_file", flat=True))
