"""Notices: what a creator should know, shown on their pages and sent by e-mail if they want. A row
keeps the words and their values, and speaks the language of whoever reads it; ``text`` is English.

``note`` runs in a transaction that moves a cursor over payments' events; ``tell`` is for everybody
else. Both tell once per creator, kind and topic. ``unlock.mail`` sends.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final
from uuid import UUID

from payments import amounts, invoices
from payments.states import EventKind, InvoiceState
from payments.words import Words
from unlock import speech
from unlock.models import Creator, Notice, Purchase
from unlock.speech import mark
from unlock.states import NoticeKind

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence
    from datetime import datetime

    from django.db.models import QuerySet

    from payments.invoices import EventView, InvoiceView

TEXT_MAX: Final = 500
TITLE_MAX: Final = 80
MAIL_AFTER: Final = timedelta(seconds=20)  # so that what happens together comes in one e-mail

# What each kind is, in the words of the settings page.
MEANINGS: Final[dict[NoticeKind, str]] = {
    NoticeKind.SOLD: mark("A file was sold"),
    NoticeKind.TAKEN_FREE: mark("A file was taken for free (once a day for each file)"),
    NoticeKind.OVERSOLD: mark("More copies were sold than there are"),
    NoticeKind.PAID_LATE: mark("A payment came late and counts"),
    NoticeKind.PARTIAL_EXPIRED: mark("Too little was paid, and the time is over"),
    NoticeKind.CONFLICT: mark("A payment shows signs of a double spend"),
    NoticeKind.REVERSED: mark("A payment that counted has gone"),
    NoticeKind.OVERPAID: mark("More was paid than asked for"),
    NoticeKind.TOKEN_RECEIVED: mark("A payment carried a token; its coins do not count"),
    NoticeKind.REFUND_DUE: mark("You owe a buyer money back"),
    NoticeKind.REFUNDED: mark("A refund was seen on the chain"),
    NoticeKind.XPUB_GAP: mark("Many addresses of your xpub wait unpaid"),
    NoticeKind.FORWARD_STUCK: mark("A payment could not be passed on to you"),
    NoticeKind.RATES_DOWN: mark("No exchange rate: files priced in money cannot be bought"),
    NoticeKind.WATCHER_STALE: mark("Payments are being seen late"),
    NoticeKind.SERVERS_DISAGREE: mark("The servers we ask about payments disagree"),
    NoticeKind.WEBHOOK_FAILING: mark("A webhook does not take our messages"),
    NoticeKind.COPIES_LOST: mark("No good copy of a file is left: buyers cannot load it"),
    NoticeKind.PAYOUT_WAITS: mark("A change of your payout waits, was stopped or took effect"),
    NoticeKind.ACCOUNT_CHANGED: mark("The second step was switched on or off, or a token was made"),
    NoticeKind.ACCOUNT_RECOVERED: mark("Your password was replaced with your 24 words or key file"),
    NoticeKind.MODERATED: mark("This site decided about a file of yours, or about your account"),
}

# These cannot be switched off: who takes over an account would do that first.
ALWAYS: Final = frozenset(
    {
        NoticeKind.PAYOUT_WAITS,
        NoticeKind.ACCOUNT_CHANGED,
        NoticeKind.ACCOUNT_RECOVERED,
        NoticeKind.MODERATED,
    }
)

_TEXTS: Final = {
    NoticeKind.SOLD: mark("{name} was sold for {due}."),
    NoticeKind.PAID_LATE: mark("A late payment of {seen} for {name} counts as paid."),
    NoticeKind.PARTIAL_EXPIRED: mark(
        "{seen} of {due} came for {name}, and the time is over. The buyer can still send the rest;"
        " you can also accept what came."
    ),
    NoticeKind.CONFLICT: mark(
        "The payment for {name} shows signs of a double spend. The file opens only once a block"
        " holds it; there is nothing to do."
    ),
    NoticeKind.REVERSED: mark("The payment for {name} has gone from the chain. We go on looking."),
    NoticeKind.OVERPAID: mark("{seen} came for {name}, which costs {due}."),
    NoticeKind.OVERSOLD: mark(
        "{name} was sold once more than there are copies: a payment came late. The buyer has the"
        " file; if that must not be, pay the money back."
    ),
    NoticeKind.TOKEN_RECEIVED: mark(
        "A payment for {name} carried a token. Its coins do not count and are never forwarded."
    ),
    NoticeKind.REFUND_DUE: mark(
        "A refund is due for {name}. Your sales page has the exact amount."
    ),
    NoticeKind.REFUNDED: mark("The refund for {name} was seen on the chain."),
}
_OF_PAID: Final = {"OVER": NoticeKind.OVERPAID, "OVERSOLD": NoticeKind.OVERSOLD}


def tell(
    creator_id: UUID,
    kind: NoticeKind,
    *,
    topic: str,
    text: Words | str,
    purchase_id: UUID | None = None,
    now: datetime,
) -> bool:
    """Make a notice, once per creator, kind and topic; whether it is new. Muted kinds are not made."""
    made = _rows([(creator_id, kind, topic, text, purchase_id)], now=now)
    return bool(made)


def tell_all(
    creator_ids: Iterable[UUID], kind: NoticeKind, *, topic: str, text: Words | str, now: datetime
) -> int:
    """The same to many; how many were asked to be told."""
    return _rows([(each, kind, topic, text, None) for each in creator_ids], now=now)


def note(events: Sequence[EventView], *, now: datetime) -> int:
    """Tell creators what these events mean to them. Call it in the cursor's transaction."""
    bought = _bought(events)
    views = invoices.statuses_of(bought, now=now)
    facts = []
    for event in events:
        purchase = bought.get(event.invoice_id)
        if purchase is None:
            continue
        for kind in kinds_of(event):
            text = text_of(kind, purchase.paid_file.title, views[event.invoice_id])
            topic = _topic(kind, event)
            facts.append((purchase.paid_file.creator_id, kind, topic, text, purchase.id))
    return _rows(facts, now=now)


def note_lapsed(events: Sequence[EventView], *, now: datetime) -> int:
    """Quotes ran out with a part paid. ``events`` are the last ones of those invoices."""
    bought = _bought(events)
    views = invoices.statuses_of(bought, now=now)
    kind = NoticeKind.PARTIAL_EXPIRED
    facts = [
        (
            purchase.paid_file.creator_id,
            kind,
            str(invoice_id),
            text_of(kind, purchase.paid_file.title, views[invoice_id]),
            purchase.id,
        )
        for invoice_id, purchase in bought.items()
    ]
    return _rows(facts, now=now)


def kinds_of(event: EventView) -> tuple[NoticeKind, ...]:
    """What one event means to the creator. Flags are told whenever they are there: once, by topic."""
    found: list[NoticeKind] = []
    has_moved = event.was != event.state
    is_paid = event.state is InvoiceState.PAID
    is_new = has_moved and event.was not in ("", InvoiceState.REVERSED)
    if is_paid and (event.kind is EventKind.SETTLED or is_new):
        found.append(NoticeKind.SOLD)
    if "LATE" in event.flags and event.state in (InvoiceState.SEEN, InvoiceState.PAID):
        found.append(NoticeKind.PAID_LATE)
    if event.state is InvoiceState.PARTIAL and event.was == InvoiceState.EXPIRED:
        found.append(NoticeKind.PARTIAL_EXPIRED)
    if (has_moved and event.state is InvoiceState.SUSPECT) or "DOUBLE_SPEND_SEEN" in event.flags:
        found.append(NoticeKind.CONFLICT)
    if has_moved and event.state is InvoiceState.REVERSED:
        found.append(NoticeKind.REVERSED)
    found += [kind for flag, kind in _OF_PAID.items() if is_paid and flag in event.flags]
    if "TOKEN_IGNORED" in event.flags:
        found.append(NoticeKind.TOKEN_RECEIVED)
    if event.kind is EventKind.REFUND_DUE:
        found.append(NoticeKind.REFUND_DUE)
    if event.kind is EventKind.REFUNDED:
        found.append(NoticeKind.REFUNDED)
    return tuple(found)


def text_of(kind: NoticeKind, title: str, invoice: InvoiceView) -> Words:
    """One sentence or two, with the file and the amounts."""
    seen, due = amounts.bch_words(invoice.seen_sat), amounts.bch_words(invoice.due_sat)
    return Words(_TEXTS[kind], {"name": name_of(title), "seen": seen, "due": due})


def name_of(title: str) -> Words:
    """A file's title, as texts quote it."""
    is_long = len(title) > TITLE_MAX
    return Words.of("“{title}”", title=f"{title[: TITLE_MAX - 1]}…" if is_long else title)


def said(row: Notice) -> str:
    """In the language that is active: the reader's. Rows from before there were words say their text."""
    return speech.tell(speech.unpacked(row.words)) if row.words else row.text


def of(creator: Creator) -> QuerySet[Notice]:
    """Newest first."""
    return Notice.objects.filter(creator=creator).order_by("-created_at", "-pk")


def unread(creator: Creator) -> int:
    return Notice.objects.filter(creator=creator, read_at=None).count()


def mark_read(creator: Creator, *, ids: Collection[UUID] | None = None, now: datetime) -> int:
    """These, or all; how many were not read before."""
    rows = Notice.objects.filter(creator=creator, read_at=None)
    if ids is not None:
        rows = rows.filter(pk__in=ids)
    return rows.update(read_at=now)


def mute(creator: Creator, kinds: Iterable[NoticeKind]) -> None:
    """Replace what a creator does not want to be told of."""
    creator.muted = sorted({str(kind) for kind in kinds if kind not in ALWAYS})
    creator.save(update_fields=["muted"])


def _bought(events: Iterable[EventView]) -> dict[UUID, Purchase]:
    ids = {each.invoice_id for each in events}
    rows = Purchase.objects.filter(invoice_id__in=ids, is_proof=False).select_related("paid_file")
    return {row.invoice_id: row for row in rows if row.invoice_id}


def _topic(kind: NoticeKind, event: EventView) -> str:
    """Once per invoice; a reversal may happen again, and then it is news."""
    is_repeating = kind in (NoticeKind.REVERSED, NoticeKind.REFUND_DUE, NoticeKind.REFUNDED)
    return f"{event.invoice_id}:{event.seq}" if is_repeating else str(event.invoice_id)


Facts = tuple[UUID, NoticeKind, str, "Words | str", UUID | None]


def _rows(facts: Sequence[Facts], *, now: datetime) -> int:
    """Insert what is new and not muted, in three queries; how many rows that are new."""
    creators = Creator.objects.in_bulk({each[0] for each in facts})
    wanted = {
        (creator_id, kind, topic): Notice(
            creator_id=creator_id,
            kind=kind,
            topic=topic,
            text=str(text)[:TEXT_MAX],
            words=speech.packed(text if isinstance(text, Words) else Words(text)),
            purchase_id=purchase_id,
            created_at=now,
            mail_due_at=now + MAIL_AFTER if creators[creator_id].email_confirmed_at else None,
        )
        for creator_id, kind, topic, text, purchase_id in facts
        if creator_id in creators and kind not in creators[creator_id].muted
    }
    known = Notice.objects.filter(creator__in=creators, topic__in={key[2] for key in wanted})
    for key in known.values_list("creator_id", "kind", "topic"):
        wanted.pop((key[0], NoticeKind(key[1]), key[2]), None)
    Notice.objects.bulk_create(wanted.values(), ignore_conflicts=True, batch_size=500)
    return len(wanted)
