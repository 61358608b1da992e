"""Troubles that last: told once when they begin, not again while they go on.

A trouble of the whole instance is an episode; it is remembered in a ``Cursor`` row (when it began,
negative once it is over), and one that comes back within an hour is the same one. Troubles of one
creator need no memory: what they are about names the topic.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction

from payments import events, health, payouts, rate_table, tidings
from payments.amounts import BCH
from payments.words import Words
from unlock import notices, webhooks
from unlock.models import Creator, Cursor, PaidFile, Purchase
from unlock.speech import mark
from unlock.states import FileState, NoticeKind

if TYPE_CHECKING:
    from uuid import UUID

SAME_FOR: Final = timedelta(hours=1)
GAPS_FOR: Final = timedelta(minutes=10)  # only a new order widens a gap
_STALE_TEXT: Final = mark(
    "Payments are being seen late: nobody could look at the chain for minutes. Nothing is lost;"
    " what was paid meanwhile counts from the moment it is seen."
)
_DISAGREE_TEXT: Final = mark(
    "The servers we ask about payments disagree. Payments still count by proof; it may take longer."
)
_RATES_TEXT: Final = mark(
    "There is no exchange rate now, so files priced in money cannot be bought. Files priced in BCH"
    " can; a rate of your own in the settings helps the others."
)


def tell_lapsed(*, now: datetime) -> None:
    """Invoices paid in part whose time is over: to the creator, and to webhooks, each once."""
    found = events.lapsed(now=now)
    if found:
        with transaction.atomic():
            webhooks.enqueue_lapsed(found, now=now)
            notices.note_lapsed(found, now=now)


def tell_health(*, now: datetime) -> None:
    """What the instance's health means to creators."""
    report = health.report(now=now)
    sellers = _sellers()
    _episode(NoticeKind.WATCHER_STALE, sellers, is_on=report.is_stale, text=_STALE_TEXT, now=now)
    _episode(
        NoticeKind.SERVERS_DISAGREE,
        sellers,
        is_on=report.servers_disagree,
        text=_DISAGREE_TEXT,
        now=now,
    )
    priced = _priced_in_money() if report.rates_down else set()
    _episode(NoticeKind.RATES_DOWN, priced, is_on=report.rates_down, text=_RATES_TEXT, now=now)
    _tell_gaps(now)
    _tell_stuck(now)


def _episode(
    kind: NoticeKind, creator_ids: set[UUID], *, is_on: bool, text: str, now: datetime
) -> None:
    """Tell everybody it concerns, in the transaction that notes the beginning."""
    with transaction.atomic():
        Cursor.objects.get_or_create(name=f"episode:{kind}")
        row = Cursor.objects.select_for_update().get(name=f"episode:{kind}")
        began = abs(row.position)
        if is_on and row.position <= 0:
            is_same = now.timestamp() - began < SAME_FOR.total_seconds()
            row.position = began if began and is_same else int(now.timestamp())
            topic = str(row.position)
            notices.tell_all(creator_ids, kind, topic=topic, text=text, now=now)
        elif not is_on and row.position > 0:
            row.position = -began
        else:
            return
        row.save(update_fields=["position"])


def _sellers() -> set[UUID]:
    files = PaidFile.objects.filter(
        state=FileState.PUBLISHED, creator__suspended_at=None, creator__user__is_active=True
    )
    return set(files.values_list("creator_id", flat=True))


def _priced_in_money() -> set[UUID]:
    """Whoever sells in a currency that they set no rate of their own for."""
    files = PaidFile.objects.filter(state=FileState.PUBLISHED).exclude(price_currency=BCH)
    pairs = set(files.values_list("creator_id", "price_currency"))
    own = {owner: {row.currency for row in rate_table.manual_of(owner)} for owner, _ in pairs}
    return {owner for owner, currency in pairs if currency not in own[owner]}


def _tell_gaps(now: datetime) -> None:
    recent = Purchase.objects.filter(created_at__gt=now - GAPS_FOR, invoice_id__isnull=False)
    for owner in set(recent.values_list("paid_file__creator_id", flat=True)):
        for gap in payouts.gaps(owner):
            if gap.is_falling_back:
                notices.tell(
                    owner,
                    NoticeKind.XPUB_GAP,
                    topic=f"{gap.payout_id}:{gap.last_used}:{gap.unsure_at or ''}"[:100],
                    text=Words.of(
                        "{gap} addresses of your xpub in a row wait unpaid. New orders get"
                        " forwarding addresses meanwhile, so that your wallet misses nothing."
                        " Your settings say what to do.",
                        gap=gap.gap,
                    ),
                    now=now,
                )


def _tell_stuck(now: datetime) -> None:
    stuck = tidings.stuck_forwards(now=now)
    known = set(
        Creator.objects.filter(pk__in={owner for owner, _ in stuck}).values_list("pk", flat=True)
    )
    for owner, txid in stuck:
        if owner in known:
            notices.tell(
                owner,
                NoticeKind.FORWARD_STUCK,
                topic=txid,
                text=Words.of(
                    "A payment was not passed on to your address for six hours. It is safe and is"
                    " tried again; the transaction is {txid}.",
                    txid=txid,
                ),
                now=now,
            )
