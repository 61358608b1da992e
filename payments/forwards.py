"""Passing forwarders' coins on to the creator: built, remembered, sent, and sent again until mined.

A forward needs no signature, so losing one loses nothing, and anybody may make it in our place.
Outputs that carry tokens are never touched: the covenant would not pass the token on.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from django.conf import settings
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
WAIT_AT_MOST: Final = timedelta(days=7)  # for more to come, where KIM_FORWARD_MIN_SAT asks for it
# Reject reasons of Bitcoin Cash Node: validation.cpp, policy/policy.cpp.
_TOO_CHEAP: Final = ("min relay fee not met", "mempool min fee not met", "insufficient priority")


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
    none, or too little yet (KIM_FORWARD_MIN_SAT). Two workers cannot take the same coin: the
    payout's row is locked.
    """
    with transaction.atomic():
        payout = Payout.objects.select_for_update(no_key=True).get(pk=payout_id)
        rate = min(settings.KIM_FORWARD_FEE_MSAT_PER_BYTE, _most(payout))
        coins = _coins(payout, msat_per_byte=rate)
        if not _is_worth(coins, now):
            return None
        # Before their outputs, as a reconcile locks them: the other way round could deadlock.
        told = _lock({output.invoice_id for output, _ in coins})
        row = _remember(payout, coins, msat_per_byte=rate, now=now)
        for invoice in told:
            events.record(invoice, EventKind.FORWARDED, was=invoice.state, now=now)
    return row


def send(row: Forward, chain: ElectrumChain, *, now: datetime) -> None:
    """Broadcast. A refusal is kept with the row, and ``send_again`` tries later; one for a low fee
    is answered at once by the same coins with a higher one, up to what their covenant lets pass.
    """
    try:
        chain.broadcast(bytes(row.raw))
    except BroadcastRefused as error:
        log.warning("forward %s refused: %s", row.txid, error.message)
        row.error = error.message[:300]
    else:
        row.error, row.broadcast_at = "", row.broadcast_at or now
    row.save(update_fields=["error", "broadcast_at"])
    if any(reason in row.error for reason in _TOO_CHEAP):
        dearer = _make_dearer(row, now)
        if dearer is not None:
            send(dearer, chain, now=now)


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


def _is_worth(coins: list[tuple[Output, Coin]], now: datetime) -> bool:
    """Enough to be worth a transaction, or waiting for long."""
    if not coins:
        return False
    since = min(output.first_seen_at for output, _ in coins)
    is_enough = sum(coin.value_sat for _, coin in coins) >= settings.KIM_FORWARD_MIN_SAT
    return is_enough or now - since > WAIT_AT_MOST


def _remember(
    payout: Payout, coins: list[tuple[Output, Coin]], *, msat_per_byte: int, now: datetime
) -> Forward:
    """The row of the transaction that passes ``coins`` on; under the payout's lock."""
    spending = covenants.forward([coin for _, coin in coins], msat_per_byte=msat_per_byte)
    value_sat = sum(output.value_sat for output in spending.outputs)
    # The same coins make the same transaction: one that was dropped comes back to life.
    row, _ = Forward.objects.update_or_create(
        txid=spending.txid,
        defaults={
            "payout": payout,
            "raw": spending.serialize(),
            "value_sat": value_sat,
            "fee_sat": sum(coin.value_sat for _, coin in coins) - value_sat,
            "created_at": now,
            "dropped_at": None,
        },
    )
    Output.objects.filter(pk__in=[output.pk for output, _ in coins]).update(forward=row)
    return row


def _make_dearer(row: Forward, now: datetime) -> Forward | None:
    """The same coins at half as much again, or the most they may pay; None, and nothing changed,
    when that is what they pay already, or one could not pay it.
    """
    rate = row.fee_sat * 1_000 // len(bytes(row.raw))
    with transaction.atomic():
        payout = Payout.objects.select_for_update(no_key=True).get(pk=row.payout_id)
        dearer = min(rate * 3 // 2, _most(payout))
        if dearer * 20 < rate * 21:
            return None
        outputs = row.outputs.select_related("invoice__address").order_by("-value_sat", "pk")
        coins = [(output, _coin(payout, output)) for output in outputs]
        try:
            made = _remember(payout, coins, msat_per_byte=dearer, now=now)
        except NotForwardable:
            return None
        row.dropped_at = now
        row.save(update_fields=["dropped_at"])
    return made


def _most(payout: Payout) -> int:
    return covenants.most_msat_per_byte(payouts.forwarder_of(payout, 0))


def _coin(payout: Payout, output: Output) -> Coin:
    return Coin(
        Outpoint(output.transaction_id, output.vout),
        output.value_sat,
        payouts.forwarder_of(payout, output.invoice.address.index),
    )


def _coins(payout: Payout, *, msat_per_byte: int) -> list[tuple[Output, Coin]]:
    """What can be passed on now, the largest first: whoever sends dust to an address must not get
    before what was paid there. Coins that are too small wait for ever; each is tried alone, where
    its share of the fee is the largest. A coin of a dropped forward goes alone.
    """
    rows = _ready(Output.objects.filter(invoice__payout=payout)).select_related("invoice__address")
    coins: list[tuple[Output, Coin]] = []
    for row in rows.order_by("-value_sat", "pk")[: 4 * COINS_PER_FORWARD]:
        coin = _coin(payout, row)
        try:
            covenants.forward([coin], msat_per_byte=msat_per_byte)
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
