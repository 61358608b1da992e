"""Troubles that creators are told of by name: a wide gap, a stuck forward, servers that disagree."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from payments import heartbeats
from payments.models import Address, Forward, Payout
from tests.unlock import sale
from tests.unlock.sale import NOW, Buyer, Sold
from unlock import episodes
from unlock.models import Notice
from unlock.states import NoticeKind

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

pytestmark = pytest.mark.django_db

TXID = "5f" * 32
Told = list[tuple["UUID", str, str]]


def told(kind: NoticeKind) -> Told:
    """To whom, about what, in which words; oldest first."""
    rows = Notice.objects.filter(kind=kind).order_by("created_at", "topic")
    return list(rows.values_list("creator_id", "topic", "text"))


def tell(at: datetime) -> None:
    episodes.tell_health(now=at)


def server(name: str, **changes: Any) -> dict[str, Any]:
    facts = {"name": name, "operator": name, "is_live": True, "tip_height": 200}
    more = {"behind_blocks": 0, "demoted": "", "heard_at": NOW.isoformat(), "answered_ms": 9}
    return {**facts, **more, **changes}


def look(at: datetime, *servers: dict[str, Any]) -> None:
    """What a sweep notes of the servers that it asked."""
    heartbeats.beat(heartbeats.SWEEP, now=at, detail={})
    heartbeats.beat(heartbeats.SERVERS, now=at, detail={"servers": list(servers)})


def order(sold: Sold, at: datetime) -> Payout:
    """An unpaid order at the first address of its creator's xpub."""
    invoice = sale.owe(sold)
    Buyer().purchase(sold, invoice_id=invoice.id, now=at)
    Address.objects.filter(invoice=invoice).update(index=0)
    return invoice.payout


def test_xpub_gap_is_told_from_fifteen_unpaid_addresses_in_a_row_on_and_once() -> None:
    sold = sale.publish()
    payout = order(sold, NOW)

    Payout.objects.filter(pk=payout.pk).update(next_index=14)
    tell(NOW)
    assert told(NoticeKind.XPUB_GAP) == []

    Payout.objects.filter(pk=payout.pk).update(next_index=15)
    tell(NOW + timedelta(minutes=1))
    tell(NOW + timedelta(minutes=2))

    assert told(NoticeKind.XPUB_GAP) == [
        (
            sold.file.creator_id,
            f"{payout.id}:None:",
            (
                "15 addresses of your xpub in a row wait unpaid. New orders get forwarding addresses"
                " meanwhile, so that your wallet misses nothing. Your settings say what to do."
            ),
        )
    ]


def test_xpub_gap_is_looked_for_while_orders_come_and_no_longer() -> None:
    payout = order(sale.publish(), NOW)
    Payout.objects.filter(pk=payout.pk).update(next_index=15)

    tell(NOW + timedelta(minutes=10))  # only a new order widens a gap
    assert told(NoticeKind.XPUB_GAP) == []

    tell(NOW + timedelta(minutes=10) - timedelta(seconds=1))
    assert len(told(NoticeKind.XPUB_GAP)) == 1


def test_forward_stuck_is_told_after_six_hours_without_a_block_and_once() -> None:
    sold = sale.publish()
    payout = sale.owe(sold).payout
    row = Forward.objects.create(
        payout=payout, txid=TXID, raw=b"\0", value_sat=9_000, fee_sat=142, created_at=NOW
    )

    tell(NOW + timedelta(hours=6))
    assert told(NoticeKind.FORWARD_STUCK) == []

    tell(NOW + timedelta(hours=6, seconds=1))
    tell(NOW + timedelta(hours=9))
    assert told(NoticeKind.FORWARD_STUCK) == [
        (
            sold.file.creator_id,
            TXID,
            (
                "A payment was not passed on to your address for six hours. It is safe and is tried"
                f" again; the transaction is {TXID}."
            ),
        )
    ]

    row.mined_height = 201
    row.save()
    Notice.objects.all().delete()
    tell(NOW + timedelta(hours=12))
    assert told(NoticeKind.FORWARD_STUCK) == []


def test_servers_disagree_is_told_to_sellers_when_tips_lie_two_blocks_apart() -> None:
    sold = sale.publish()
    sale.creator("eve")  # sells nothing
    look(NOW, server("one"), server("two", tip_height=199))
    tell(NOW)
    assert told(NoticeKind.SERVERS_DISAGREE) == []

    for minutes in (1, 2):
        at = NOW + timedelta(minutes=minutes)
        look(at, server("one"), server("two", tip_height=198))
        tell(at)

    began = int((NOW + timedelta(minutes=1)).timestamp())
    assert told(NoticeKind.SERVERS_DISAGREE) == [
        (
            sold.file.creator_id,
            str(began),
            (
                "The servers we ask about payments disagree. Payments still count by proof; it may take"
                " longer."
            ),
        )
    ]


def test_servers_disagree_when_a_live_one_is_demoted_and_not_when_it_is_gone() -> None:
    sale.publish()
    demoted = "Its blocks come, its mempool does not."
    look(NOW, server("one"), server("two", is_live=False, tip_height=1, demoted=demoted))
    tell(NOW)
    assert told(NoticeKind.SERVERS_DISAGREE) == []

    at = NOW + timedelta(minutes=1)
    look(at, server("one"), server("two", demoted=demoted))
    tell(at)
    assert len(told(NoticeKind.SERVERS_DISAGREE)) == 1
