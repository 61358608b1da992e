"""Payments that servers no longer show: sent again for three days, or found to be replaced.

We keep every payment's bytes, so a transaction that fell out of the mempools, or out of a block in
a reorganisation, can be put back by us. The next look shows whether it was.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.db.models import F, Q

from payments import decisions, hints
from payments.models import ChainTransaction, Output
from payments.states import OutputChain

if TYPE_CHECKING:
    from typing import Protocol

    from django.db.models import QuerySet

    class Chain(Protocol):
        """What is asked of the chain. Errors: ``ChainUnavailable``."""

        def offer(self, raw: bytes) -> dict[str, str]: ...
        def conflict_of(self, raw: bytes) -> str | None: ...


log = logging.getLogger(__name__)

SEND_EVERY: Final = timedelta(hours=1)
SEND_FOR: Final = timedelta(hours=72)  # after the look that first missed it
PER_RUN: Final = 200


def send_again(chain: Chain, *, now: datetime) -> int:
    """Offer every missed payment that is due; how many were taken. Raises ``ChainUnavailable``."""
    due = _missed(now).filter(Q(rebroadcast_at=None) | Q(rebroadcast_at__lte=now - SEND_EVERY))
    txids = list(
        due.order_by(F("rebroadcast_at").asc(nulls_first=True), "pk").values_list(
            "transaction", flat=True
        )
    )
    count = 0
    for txid in list(dict.fromkeys(txids))[:PER_RUN]:
        count += _send(txid, chain, now)
    return count


def _missed(now: datetime) -> QuerySet[Output]:
    gone = Q(chain__in=[OutputChain.MISSING, OutputChain.CONFLICTED])
    doubted = Q(chain=OutputChain.MEMPOOL, doubted=True)
    return Output.objects.filter(gone | doubted, missed_at__gt=now - SEND_FOR)


def _send(txid: str, chain: Chain, now: datetime) -> bool:
    raw = bytes(ChainTransaction.objects.get(pk=txid).raw)
    said = chain.offer(raw)
    if not said:
        return False  # nobody answered: the next run asks again
    is_taken = "" in said.values()
    # Refused by all: something else may have taken its coins.
    other = None if is_taken else chain.conflict_of(raw)
    _note(txid, other, now)
    if not is_taken:
        log.warning("payment %s is refused: %s", txid, "; ".join(sorted(said.values())))
    return is_taken


def _note(txid: str, other: str | None, now: datetime) -> None:
    """Write down what came of it, and look. Servers must agree first that the payment is gone: one
    that shows a replacement only doubts it.
    """
    paid = Output.objects.filter(transaction=txid).values_list("invoice", flat=True)
    for invoice_id in sorted(set(paid)):
        with transaction.atomic():
            invoice = decisions.lock(invoice_id)
            rows = invoice.outputs.filter(transaction=txid)
            rows.update(rebroadcast_at=now)
            lost = rows.filter(chain__in=[OutputChain.MISSING, OutputChain.CONFLICTED])
            if other is not None and other != txid:
                lost.update(chain=OutputChain.CONFLICTED, conflict_txid=other)
                decisions.decide(invoice, decisions.unseen_view(invoice, now), now)
            hints.ask_reconcile(invoice.id)
