"""Passing forwarders' coins on to the creator: built, remembered, sent, and sent again until mined.

A forward needs no signature, so losing one loses nothing, and anybody may make it in our place.
Outputs that carry tokens are never touched: the covenant would not pass the token on.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.db import models, transaction
from django.db.models import F

from payments import covenants, events, payouts
from payments.covenants import Coin
from payments.errors import BroadcastRefused, ChainUnavailable, NotForwardable
from payments.models import Forward, Invoice, Output, Payout
from payments.states import EventKind, OutputChain, PayoutKind
from payments.transactions import Outpoint

if TYPE_CHECKING:
    from collections.abc import Iterable

    from payments.electrum import ElectrumChain

log = logging.getLogger(__name__)

COINS_PER_FORWARD: Final = 50  # about 9 kB; far below what nodes relay
FINAL_DEPTH: Final = 10
GIVE_UP_AFTER: Final = timedelta(hours=1)  # of refusals, before its coins are tried one by one


def forward_all(chain: ElectrumChain, *, now: datetime) -> int:
    """Make and send the forwards that are due; how many were made. A payout that fails holds up
    no other. Raises ``ChainUnavailable``: what was made is sent by ``send_again``.
    """
    made: list[Forward] = []
    for payout_id in _waiting_payouts():
        try:
            row = make(payout_id, now=now)
        except Exception:
            log.exception("payout %s could not be forwarded", payout_id)
            continue
        made += [] if row is None else [row]
    for row in made:
        send(row, chain, now=now)
    return len(made)


def make(payout_id: UUID, *, now: datetime) -> Forward | None:
    """Put one payout's confirmed coins into one transaction and remember it; None if there are
    none. Two workers cannot take the same coin: the payout's row is locked.
    """
    with transaction.atomic():
        payout = Payout.objects.select_for_update(no_key=True).get(pk=payout_id)
        coins = _coins(payout)
        if not coins:
            return None
        # Before their outputs, as a reconcile locks them: the other way round could deadlock.
        told = _lock({output.invoice_id for output, _ in coins})
        spending = covenants.forward([coin for _, coin in coins])
        raw = spending.serialize()
        value_sat = sum(output.value_sat for output in spending.outputs)
        # The same coins make the same transaction: one that was dropped comes back to life.
        row, _ = Forward.objects.update_or_create(
            txid=spending.txid,
            defaults={
                "payout": payout,
                "raw": raw,
                "value_sat": value_sat,
                "fee_sat": sum(coin.value_sat for _, coin in coins) - value_sat,
                "created_at": now,
                "dropped_at": None,
            },
        )
        ids = [output.pk for output, _ in coins]
        Output.objects.filter(pk__in=ids).update(forward=row)
        for invoice in told:
            events.record(invoice, EventKind.FORWARDED, was=invoice.state, now=now)
    return row


def send(row: Forward, chain: ElectrumChain, *, now: datetime) -> None:
    """Broadcast. A refusal is kept with the row; ``send_again`` tries later."""
    try:
        chain.broadcast(bytes(row.raw))
    except BroadcastRefused as error:
        log.warning("forward %s refused: %s", row.txid, error.message)
        row.error = error.message[:300]
    else:
        row.error, row.broadcast_at = "", row.broadcast_at or now
    row.save(update_fields=["error", "broadcast_at"])


def send_again(chain: ElectrumChain, *, now: datetime) -> int:
    """Send every forward that is not in a block yet; how many were sent. One that cannot be dealt
    with holds up no other. Raises ``ChainUnavailable``.
    """
    tip_height = chain.tip().height
    count = 0
    for row in Forward.objects.filter(mined_height=None, dropped_at=None).order_by("created_at"):
        try:
            count += _follow(row, chain, tip_height=tip_height, now=now)
        except ChainUnavailable:
            raise
        except Exception:
            log.exception("forward %s could not be followed", row.txid)
    return count


def _follow(row: Forward, chain: ElectrumChain, *, tip_height: int, now: datetime) -> bool:
    """Whether it was sent again. Its first coin tells whether it is in a block: ours, or another's,
    for anybody may forward, and then there is nothing left to do for that coin.
    """
    output = row.outputs.select_related("invoice__address").order_by("pk")[0]
    coin = Outpoint(output.transaction_id, output.vout)
    spent = chain.spender_of(coin, bytes.fromhex(output.invoice.address.script))
    if spent is None:
        send(row, chain, now=now)
        if row.error and now - row.created_at > GIVE_UP_AFTER and row.outputs.count() > 1:
            _split(row, now)
        return True
    txid, height = spent
    if txid != row.txid and row.outputs.count() > 1:
        _split(row, now)
    elif tip_height - height + 1 >= FINAL_DEPTH:
        row.mined_height = height
        row.error = "" if txid == row.txid else f"forwarded by somebody else: {txid}"
        row.save(update_fields=["mined_height", "error"])
    return False


def _waiting_payouts() -> list[UUID]:
    return list(_ready(Output.objects.all()).values_list("invoice__payout", flat=True).distinct())


def _ready(outputs: models.QuerySet[Output]) -> models.QuerySet[Output]:
    """Proved to lie in a block, as deep as the invoice asks, and not on its way yet."""
    return outputs.filter(
        invoice__payout__kind=PayoutKind.FORWARDER,
        chain=OutputChain.BLOCK,
        spv_ok=True,
        has_token=False,
        is_coinbase=False,
        forward=None,
        value_sat__gte=covenants.MAX_FEE_SAT,
        invoice__tip_height__gte=F("height") + F("invoice__confirmations") - 1,
    )


def _coins(payout: Payout) -> list[tuple[Output, Coin]]:
    """What can be passed on now, the largest first: whoever sends dust to an address must not get
    before what was paid there. Coins that are too small wait for ever; each is tried alone, where
    its share of the fee is the largest. A coin of a dropped forward goes alone.
    """
    rows = _ready(Output.objects.filter(invoice__payout=payout)).select_related("invoice__address")
    coins: list[tuple[Output, Coin]] = []
    for row in rows.order_by("-value_sat", "pk")[: 4 * COINS_PER_FORWARD]:
        coin = Coin(
            Outpoint(row.transaction_id, row.vout),
            row.value_sat,
            payouts.forwarder_of(payout, row.invoice.address.index),
        )
        try:
            covenants.forward([coin])
        except NotForwardable:
            continue
        coins.append((row, coin))
    alone = [pair for pair in coins if pair[0].forwarded_alone]
    return alone[:1] or coins[:COINS_PER_FORWARD]


def _split(row: Forward, now: datetime) -> None:
    """One bad coin (spent by somebody else, or gone in a reorg) must not hold up the others."""
    with transaction.atomic():
        Payout.objects.select_for_update(no_key=True).get(pk=row.payout_id)
        row.outputs.update(forward=None, forwarded_alone=True)
        row.dropped_at = now
        row.save(update_fields=["dropped_at"])


def _lock(invoice_ids: Iterable[UUID]) -> list[Invoice]:
    rows = Invoice.objects.select_for_update(no_key=True).filter(pk__in=list(invoice_ids))
    return list(rows.order_by("pk"))
