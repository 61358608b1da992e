"""Celery's doors to payments: parse, call one verb, done. Every one runs twice safely.

Time-outs of the network are short and a sweep stands behind every hint, so nothing is retried here.
Celery's time limits do not bind in a pool of threads: what asks the chain gives up by itself.
"""

from __future__ import annotations

import logging
import threading
from typing import TYPE_CHECKING, Final
from uuid import UUID

from celery import shared_task
from django.utils import timezone

from payments import connection, deadlines, evictions, forwards, rate_feed, refunds, watcher
from payments.errors import ChainUnavailable, InvoiceMissing

if TYPE_CHECKING:
    from collections.abc import Callable

    from payments.electrum import ElectrumChain

log = logging.getLogger(__name__)

QUICK_SECONDS: Final = 150
LONG_SECONDS: Final = 600
CHAIN_SECONDS: Final = 240.0  # forwards and the like: the next run goes on
_SWEEPS: Final = threading.BoundedSemaphore(2)  # a worker's other threads are for hints


@shared_task(name="payments.reconcile", acks_late=True, time_limit=QUICK_SECONDS)
def reconcile(invoice_id: str) -> None:
    """Look at one invoice, now."""
    _while_reachable(lambda: watcher.look(UUID(invoice_id), now=timezone.now()))


@shared_task(name="payments.sweep", acks_late=True, time_limit=LONG_SECONDS)
def sweep(which: str = "") -> None:
    """Look at every invoice that is due; with ``"all"``, at every invoice there is."""
    if not _SWEEPS.acquire(blocking=False):
        return  # two are at it, and share what is due
    try:
        _while_reachable(lambda: watcher.sweep(now=timezone.now(), everything=which == "all"))
    finally:
        _SWEEPS.release()


@shared_task(name="payments.follow_block", acks_late=True, time_limit=LONG_SECONDS)
def follow_block() -> None:
    """Look at every invoice whose depth a new block changes."""
    _while_reachable(lambda: watcher.follow_block(now=timezone.now()))


@shared_task(name="payments.forward", acks_late=True, time_limit=LONG_SECONDS)
def forward() -> None:
    """Pass confirmed coins on to their creators."""
    _while_reachable(lambda: forwards.forward_all(_chain(), now=timezone.now()))


@shared_task(name="payments.rebroadcast", acks_late=True, time_limit=LONG_SECONDS)
def rebroadcast() -> None:
    """Send forwards again that are not in a block yet."""
    _while_reachable(lambda: forwards.send_again(_chain(), now=timezone.now()))


@shared_task(name="payments.rebroadcast_payments", acks_late=True, time_limit=LONG_SECONDS)
def rebroadcast_payments() -> None:
    """Send payments again that servers no longer show."""
    _while_reachable(lambda: evictions.send_again(_chain(), now=timezone.now()))


@shared_task(name="payments.look_refunds", acks_late=True, time_limit=LONG_SECONDS)
def look_refunds() -> None:
    """Look for what pays the open refunds."""
    if refunds.is_any_open():
        _while_reachable(lambda: refunds.look(chain=_chain(), now=timezone.now()))


@shared_task(name="payments.fetch_rates", acks_late=True, time_limit=QUICK_SECONDS)
def fetch_rates() -> None:
    """Ask the exchanges, and put in force what they agree on."""
    rate_feed.refresh(now=timezone.now())


def _chain() -> ElectrumChain:
    return deadlines.within(connection.chain(), CHAIN_SECONDS)


def _while_reachable(work: Callable[[], object]) -> None:
    """Servers that cannot be asked are for the next sweep, not for a traceback."""
    try:
        work()
    except ChainUnavailable as error:
        log.warning("chain: %s", error.message)
    except InvoiceMissing:
        log.info("a hint named an invoice that is not there")
