"""Looking at the chain: one invoice, all that are due, or all that a new block concerns.

The sweep is the promise and needs nothing but a worker and beat; the push daemon only makes it
early. Every look asks the network first and only then opens a transaction (``invoices``).
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.db.models import F, Q
from django.utils import timezone

from payments import connection, instant, invoices, observations, tiers
from payments.errors import ChainUnavailable, WatcherStale
from payments.models import Heartbeat, Invoice
from payments.states import InvoiceState

if TYPE_CHECKING:
    from collections.abc import Sequence
    from uuid import UUID

    from payments.chain import Sighting
    from payments.electrum import ElectrumChain

log = logging.getLogger(__name__)

PER_LOOK: Final = 100  # scripts asked about at once
SWEEP_FOR: Final = timedelta(minutes=5)  # threads have no time limit; the next sweep goes on
POSTPONED_FOR: Final = timedelta(minutes=5)
SWEEP: Final = "sweep"
DAEMON: Final = "daemon"
ALIVE_FOR: Final = timedelta(minutes=3)


def look(invoice_id: UUID, *, now: datetime) -> None:
    """Ask the chain about one invoice and write down what it says. Raises ``ChainUnavailable``."""
    _look_at([invoice_id], connection.chain(), now)


def sweep(*, now: datetime) -> int:
    """Look at every invoice that is due; how many there were. Raises ``ChainUnavailable``.

    Rows are claimed by moving their date on, so that two sweeps share the work; a sweep that dies,
    or that slow servers make too long, leaves them to the next one.
    """
    chain = connection.chain()
    tip = chain.tip()
    count = 0
    give_up_at = timezone.now() + SWEEP_FOR
    while timezone.now() < give_up_at and (ids := _claim(now)):
        _look_at(ids, chain, now)
        count += len(ids)
    beat(SWEEP, now=timezone.now(), detail={"looked": count, "tip_height": tip.height})
    return count


def follow_block(*, now: datetime) -> int:
    """After a new block, look at all whose depth it changes; how many there were."""
    settling = Q(settled_at__isnull=False, depth__lt=tiers.FINAL_DEPTH)
    concerned = Invoice.objects.filter(
        Q(state__in=[InvoiceState.SEEN, InvoiceState.SUSPECT])
        | settling & Q(settled_at__gt=now - tiers.WARM_FOR)
    )
    # Buyers who wait for this very block come before those who were paid long ago.
    order = F("settled_at").desc(nulls_first=True)
    ids = list(concerned.order_by(order, "pk").values_list("pk", flat=True))
    for at in range(0, len(ids), PER_LOOK):
        _look_at(ids[at : at + PER_LOOK], connection.chain(), now)
    return len(ids)


def check_alive() -> None:
    """Raise ``WatcherStale`` when nobody looked at the chain for longer than is right."""
    limit = max(ALIVE_FOR, timedelta(seconds=3 * settings.KIM_SWEEP_SECONDS))
    if not Heartbeat.objects.filter(name=SWEEP, at__gt=timezone.now() - limit).exists():
        raise WatcherStale("No sweep of the chain has succeeded lately.")


def beat(name: str, *, now: datetime, detail: dict[str, object]) -> None:
    """A sign of life, for /readyz and the admin."""
    Heartbeat.objects.update_or_create(name=name, defaults={"at": now, "detail": detail})


def _claim(now: datetime) -> list[UUID]:
    due = Invoice.objects.filter(sweep_due_at__lte=now).order_by("sweep_due_at")
    ids = list(due.values_list("pk", flat=True)[:PER_LOOK])
    later = now + timedelta(seconds=settings.KIM_SWEEP_SECONDS / 2)
    Invoice.objects.filter(pk__in=ids).update(sweep_due_at=later)
    return ids


def _look_at(ids: Sequence[UUID], chain: ElectrumChain, now: datetime) -> None:
    """Look at many. What fails for some of them holds up none of the others; only a chain that
    nobody can be asked about ends it. Raises ``ChainUnavailable``.
    """
    try:
        untold = _look_once(ids, chain, now)
    except ChainUnavailable:
        raise
    except Exception:
        log.exception("a look at %d invoices failed", len(ids))
        untold = list(ids)
    if len(ids) == 1:
        # A history that every server chokes on must not be the first thing that each sweep asks.
        Invoice.objects.filter(pk__in=untold).update(sweep_due_at=now + POSTPONED_FOR)
        return
    middle = (len(untold) + 1) // 2
    for part in filter(None, (untold[:middle], untold[middle:])):
        _look_at(part, chain, now)


def _look_once(ids: Sequence[UUID], chain: ElectrumChain, now: datetime) -> list[UUID]:
    """One question to the servers about all of ``ids``; those that no server could tell about."""
    rows = {
        bytes.fromhex(row.address.script): row
        for row in Invoice.objects.select_related("address").filter(pk__in=ids)
    }
    known = {script: observations.known_of(row) for script, row in rows.items()}
    sightings = chain.sight_many(known)
    held = connection.headers().is_held(now)
    fresh = {out.txid for each in sightings.values() for out in each.outputs if out.height is None}
    conflicted = chain.double_spent(sorted(fresh))
    looks = [(rows[script], sighting) for script, sighting in sightings.items()]
    evidence = instant.gather_many(looks, chain, now=now, held=held)
    quiet: list[UUID] = []
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
    invoices.note_quiet(quiet, next(iter(sightings.values()), None), now=now)
    return [row.pk for script, row in rows.items() if script not in sightings]


def _is_quiet(row: Invoice, sighting: Sighting, now: datetime) -> bool:
    """Nothing was there and nothing is, and the quote still runs: there is nothing to decide."""
    return row.state == InvoiceState.OPEN and not sighting.outputs and now <= row.quote_until
