"""Looking at the chain: one invoice, all that are due, or all that a new block concerns.

The sweep is the promise and needs nothing but a worker and beat; the push daemon only makes it
early. Every look asks the network first and only then opens a transaction (``invoices``).
"""

from __future__ import annotations

import logging
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from payments import (
    connection,
    deadlines,
    heartbeats,
    hints,
    instant,
    invoices,
    observations,
    tiers,
)
from payments.errors import ChainUnavailable
from payments.memory import StatusMemory
from payments.models import Invoice, Output
from payments.states import InvoiceState
from payments.tiers import Tier

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from uuid import UUID

    from payments.chain import KnownTx, Sighting, Tip
    from payments.electrum import ElectrumChain
    from payments.memory import Statuses

log = logging.getLogger(__name__)

# Asked about at once. Whoever looks at a payment just pushed waits behind no more questions than
# these, at each of its own.
PER_CLAIM: Final = 100
PER_LOOK: Final = 100
LOOK_FOR: Final = timedelta(minutes=2)  # threads have no time limit of their own
SWEEP_FOR: Final = timedelta(minutes=2)  # after that the next sweep goes on
BLOCK_FOR: Final = timedelta(minutes=4)
POSTPONED_FOR: Final = timedelta(minutes=5)
ALL_EVERY: Final = timedelta(minutes=5)  # a daemon that keeps dying must not ask for all each time
SHARED_FROM: Final = 2_000  # more invoices than this after a gap, and another worker helps
LAGS: Final = 11
FULL_EVERY: Final = {  # looked at in full, whatever the servers' statuses are
    Tier.HOT: timedelta(minutes=10),
    Tier.SETTLING: timedelta(0),
    Tier.WARM: timedelta(hours=6),
    Tier.COLD: timedelta(days=7),
}

_RESTING_COLUMNS: Final = ("state", "settled_at", "quote_until", "depth", "address__script")
_MEMORY: Final = StatusMemory()


def look(invoice_id: UUID, *, now: datetime) -> None:
    """Ask the chain about one invoice and write down what it says. Raises ``ChainUnavailable``."""
    chain = deadlines.within(connection.chain(), LOOK_FOR.total_seconds())
    _look_at([invoice_id], chain, now)


def sweep(*, now: datetime, everything: bool = False) -> int:
    """Look at every invoice that is due; how many there were. Raises ``ChainUnavailable``.

    After a gap, or when ``everything`` is asked for, every tier is due at once. Rows are claimed by
    moving their date on, so that two sweeps share the work; a sweep that dies, or that slow servers
    make too long, leaves them to the next one.
    """
    started_at = timezone.now()
    chain = connection.chain()
    looked: Counter[Tier] = Counter()
    try:
        tip = chain.tip()
        _make_all_due(now, everything=everything)
        _follow(chain, tip, now)
        while timezone.now() < started_at + SWEEP_FOR and (rows := _claim(now)):
            looked += _sweep_some(rows, chain, now)
        _note_sweep(looked, started_at)
    finally:
        servers = [{**asdict(each), "heard_at": _text(each.heard_at)} for each in chain.servers()]
        heartbeats.beat(heartbeats.SERVERS, now=timezone.now(), detail={"servers": servers})
    return looked.total()


def follow_block(*, now: datetime) -> int:
    """After a new block, look at all whose depth it changes; how many there were."""
    chain = connection.chain()
    return _follow(chain, chain.tip(), now)


def _follow(chain: ElectrumChain, tip: Tip, now: datetime) -> int:
    """Look at whatever was not looked at since ``tip`` came. A tip that was followed to the end
    before is nothing new; one that was not is gone on with by the next sweep.
    """
    before = heartbeats.last(heartbeats.BLOCK)
    if before is not None and before.detail.get("hash") == tip.block_hash.hex():
        return 0
    # Buyers who wait for this very block come before those who were paid long ago.
    order = F("settled_at").desc(nulls_first=True)
    rows = tiers.concerned_by_a_block(now).exclude(tip_height=tip.height).order_by(order, "pk")
    ids = list(rows.values_list("pk", flat=True))
    give_up_at = timezone.now() + BLOCK_FOR
    for at in range(0, len(ids), PER_LOOK):
        if timezone.now() > give_up_at:
            return at
        _look_at(ids[at : at + PER_LOOK], chain, now)
    _note_block(tip, before)
    return len(ids)


def _note_block(tip: Tip, before: heartbeats.Beat | None) -> None:
    """Keep the tip, and how far our clock is ahead of it. Only a block that came while we were
    looking tells about the clock.
    """
    now = timezone.now()
    lags = [] if before is None else list(before.detail.get("lags", []))
    is_next = before is not None and tip.height == int(before.detail.get("height", 0)) + 1
    if is_next and not _was_away(now):
        lags.append(round((now - tip.time).total_seconds()))
    detail = {
        "height": tip.height,
        "hash": tip.block_hash.hex(),
        "time": _text(tip.time),
        "is_held": bool(connection.headers().is_held(now)),
        "lags": lags[-LAGS:],
    }
    heartbeats.beat(heartbeats.BLOCK, now=now, detail=detail)


def _note_sweep(looked: Counter[Tier], started_at: datetime) -> None:
    now = timezone.now()
    before = heartbeats.last(heartbeats.SWEEP)
    told = {} if before is None else before.detail.get("tiers", {})
    detail = {
        "looked": looked.total(),
        "seconds": round((now - started_at).total_seconds(), 3),
        "tiers": {**told, **{tier.value: _text(now) for tier in looked}},
        "ahead_ms": round(heartbeats.ahead_of_database().total_seconds() * 1_000),
    }
    heartbeats.beat(heartbeats.SWEEP, now=now, detail=detail)


def _make_all_due(now: datetime, *, everything: bool) -> None:
    """After a gap nobody knows what came meanwhile, to however old an invoice: all are looked at,
    those first that were due first. An invoice expires only by such a look of its own.
    """
    swept, made_due = heartbeats.last(heartbeats.SWEEP), heartbeats.last(heartbeats.SWEEP_ALL)
    if everything:
        is_done = made_due is not None and now - made_due.at < ALL_EVERY
    else:
        is_done = made_due is not None and (swept is None or made_due.at > swept.at)
        is_done = is_done or not _was_away(now)
    if is_done:
        return
    count = Invoice.objects.filter(sweep_due_at__gt=now).update(sweep_due_at=now)
    heartbeats.beat(heartbeats.SWEEP_ALL, now=now, detail={"count": count})
    if count > SHARED_FROM:
        hints.send("payments.sweep")


def _was_away(now: datetime) -> bool:
    """No sweep came to its end for two intervals and more."""
    swept = heartbeats.last(heartbeats.SWEEP)
    return swept is None or now - swept.at > timedelta(seconds=2 * settings.KIM_SWEEP_SECONDS)


def _claim(now: datetime) -> list[Invoice]:
    """Some that are due, with no more columns than tell whether they rest."""
    with transaction.atomic():
        due = Invoice.objects.filter(sweep_due_at__lte=now).order_by("sweep_due_at")
        free = due.select_for_update(skip_locked=True, no_key=True, of=("self",))
        rows = list(free.select_related("address").only(*_RESTING_COLUMNS)[:PER_CLAIM])
        later = now + timedelta(seconds=settings.KIM_SWEEP_SECONDS / 2)
        Invoice.objects.filter(pk__in=[row.pk for row in rows]).update(sweep_due_at=later)
    return rows


def _sweep_some(rows: Sequence[Invoice], chain: ElectrumChain, now: datetime) -> Counter[Tier]:
    """Look at those of which something changed or is to be decided; of the others, note it."""
    try:
        resting = _ask_resting(rows, chain, now)
    except ChainUnavailable:
        raise
    except Exception:  # whatever it is, the looks find out whose fault it is
        log.exception("the statuses of %d invoices could not be asked", len(rows))
        resting = {}
    asleep = {key for key, rest in resting.items() if rest.is_asleep}
    undone: set[UUID] = set()
    others = [row.pk for row in rows if row.pk not in asleep]
    for at in range(0, len(others), PER_LOOK):
        undone.update(_look_at(others[at : at + PER_LOOK], chain, now))
    for key in resting.keys() - asleep - undone:
        _MEMORY.keep(resting[key].script, resting[key].said, now=now)
    unsettled = tiers.unsettled_of([row.pk for row in rows])
    return Counter(tiers.tier_of(row, now, unsettled) for row in rows)


@dataclass(frozen=True, slots=True)
class _Rest:
    """An invoice that only news on chain could change; ``is_asleep``: and there is none."""

    script: bytes
    said: Statuses
    is_asleep: bool


def _ask_resting(rows: Sequence[Invoice], chain: ElectrumChain, now: datetime) -> dict[UUID, _Rest]:
    """Ask the servers for statuses, and note at once that those without news were looked at."""
    asked_at = timezone.now()
    scripts = {row.pk: _script(row) for row in rows}
    told = chain.statuses_of(list(scripts.values()))
    paid_to = _paid_to(list(scripts))
    unsettled = tiers.unsettled_of(list(scripts))
    resting: dict[UUID, _Rest] = {}
    for row in rows:
        script, said = scripts[row.pk], told.get(scripts[row.pk], {})
        if _rests(row, said, now, is_paid_to=row.pk in paid_to):
            often = FULL_EVERY[tiers.tier_of(row, now, unsettled)]
            is_asleep = _MEMORY.is_unchanged(script, said, now=now, full_every=often)
            resting[row.pk] = _Rest(script, said, is_asleep)
    asleep = [row for row in rows if row.pk in resting and resting[row.pk].is_asleep]
    _note_quiet(asleep, asked_at, now)
    return resting


def _rests(row: Invoice, said: Statuses, now: datetime, *, is_paid_to: bool) -> bool:
    """Whether nothing but news on chain could change anything: no timer runs, nothing is open."""
    if not said:
        return False
    if row.state == InvoiceState.PAID:
        return row.depth >= tiers.FINAL_DEPTH
    is_empty = not is_paid_to and all(status is None for status in said.values())
    if row.state == InvoiceState.OPEN:
        return is_empty and now <= row.quote_until
    return is_empty and row.state == InvoiceState.EXPIRED


def _note_quiet(rows: Sequence[Invoice], asked_at: datetime, now: datetime) -> None:
    """All servers say what they said: note the look, for many at once."""
    alike: dict[tuple[Tier, str], list[UUID]] = {}
    for row in rows:
        # Whatever has an output that is not final is never asleep.
        alike.setdefault((tiers.tier_of(row, now, ()), row.state), []).append(row.pk)
    for (tier, state), ids in alike.items():
        unmoved = Invoice.objects.filter(pk__in=ids, state=state, swept_at__lt=asked_at)
        unmoved.update(swept_at=asked_at, sweep_due_at=now + tiers.look_again(tier))


def _look_at(ids: Sequence[UUID], chain: ElectrumChain, now: datetime) -> list[UUID]:
    """Look at many; those of them that this did not do. What fails for some of them holds up none
    of the others; only a chain that nobody can be asked about ends it. Raises ``ChainUnavailable``.
    """
    try:
        untold, unwritten = _look_once(ids, chain, now)
    except ChainUnavailable:
        raise
    except Exception:
        log.exception("a look at %d invoices failed", len(ids))
        untold, unwritten = list(ids), []
    if len(ids) == 1:
        # A history that every server chokes on must not be the first thing that each sweep asks.
        Invoice.objects.filter(pk__in=untold).update(sweep_due_at=now + POSTPONED_FOR)
        return untold + unwritten
    middle = (len(untold) + 1) // 2
    for part in filter(None, (untold[:middle], untold[middle:])):
        unwritten += _look_at(part, chain, now)
    return unwritten


def _look_once(
    ids: Sequence[UUID], chain: ElectrumChain, now: datetime
) -> tuple[list[UUID], list[UUID]]:
    """One question to the servers about all of ``ids``: those that no server could tell about, and
    those that could not be written down.
    """
    rows = {_script(row): row for row in _rows(ids)}
    paid_to = _paid_to(ids)
    known: dict[bytes, Mapping[str, KnownTx]] = {
        script: observations.known_of(row) if row.pk in paid_to else {}
        for script, row in rows.items()
    }
    sightings = chain.sight_many(known)
    held = connection.headers().is_held(now)
    fresh = {out.txid for each in sightings.values() for out in each.outputs if out.height is None}
    conflicted = chain.double_spent(sorted(fresh))
    looks = [(rows[script], sighting) for script, sighting in sightings.items()]
    evidence = instant.gather_many(looks, chain, now=now, held=held)
    quiet: list[UUID] = []
    unwritten: list[UUID] = []
    for script, sighting in sightings.items():
        row = rows[script]
        if _is_quiet(row, sighting, now) and not known[script]:
            quiet.append(row.pk)
            continue
        try:
            invoices.reconcile(
                row.pk,
                sighting,
                now=now,
                held=held,
                conflicted=conflicted,
                evidence=evidence.get(row.pk),
            )
        except Exception:
            log.exception("what was seen of invoice %s could not be written down", row.pk)
            unwritten.append(row.pk)
    invoices.note_quiet(quiet, next(iter(sightings.values()), None), now=now)
    return [row.pk for script, row in rows.items() if script not in sightings], unwritten


def _rows(ids: Sequence[UUID]) -> list[Invoice]:
    return list(Invoice.objects.select_related("address").filter(pk__in=ids))


def _paid_to(ids: Sequence[UUID]) -> set[UUID]:
    """Those of them that something was ever seen for."""
    seen = Output.objects.filter(invoice__in=ids).values_list("invoice_id", flat=True)
    return set(seen.distinct())


def _script(row: Invoice) -> bytes:
    return bytes.fromhex(row.address.script)


def _is_quiet(row: Invoice, sighting: Sighting, now: datetime) -> bool:
    """Nothing was there and nothing is, and the quote still runs: there is nothing to decide."""
    return row.state == InvoiceState.OPEN and not sighting.outputs and now <= row.quote_until


def _text(moment: datetime | None) -> str:
    return "" if moment is None else moment.isoformat()
