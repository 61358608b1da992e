"""Everything of a creator's account in one JSON object: for their own keeping, and to move.

No secret is in it: no S, no root, no password, no webhook secret, nobody else's address. Links are
made by the creator's browser and put in there.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from payments import payouts
from unlock import codes, container, pricing, sales, sales_export, stock, storefront, versions
from unlock.files import price_of
from unlock.models import Copy, Cover, DiscountCode, Grant, Notice, PaidFile, Webhook
from unlock.sales import Filters
from unlock.sales_export import time_text
from unlock.showing_rows import Samples

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime
    from uuid import UUID

    from payments.amounts import Price
    from unlock.models import Container, Creator

FORMAT: Final = "kim-account-1"
BATCH: Final = 500


def chunks(creator: Creator, *, now: datetime) -> Iterator[bytes]:
    """The object, piece by piece. A file that was cut off cannot be read."""
    head = {
        "format": FORMAT,
        "instance": settings.KIM_PUBLIC_URL,
        "made_at": time_text(now),
        "username": creator.user.get_username(),
        "created_at": time_text(creator.created_at),
        "email": creator.email,
        "muted": creator.muted,
        "language": creator.language,
        "payouts": [_plain(each) for each in payouts.history(creator.id)],
        "webhooks": [_webhook(row) for row in Webhook.objects.filter(creator=creator)],
    }
    yield json.dumps(head, ensure_ascii=False)[:-1].encode()
    yield from _listed("files", _files(creator, now=now))
    yield from _listed("sales", _sales(creator))
    yield from _listed("given", _given(creator))
    yield from _listed("notices", _notices(creator))
    yield b"}\n"


def _listed(name: str, rows: Iterator[dict[str, Any]]) -> Iterator[bytes]:
    yield f',\n"{name}":['.encode()
    comma = ""
    for row in rows:
        yield f"{comma}\n{json.dumps(row, ensure_ascii=False)}".encode()
        comma = ","
    yield b"]"


def _files(creator: Creator, *, now: datetime) -> Iterator[dict[str, Any]]:
    mine = PaidFile.objects.filter(creator=creator).select_related(
        "container", "pricing", "showcase"
    )
    rows = list(mine.order_by("created_at", "pk"))
    editions = versions.editions_of(rows)
    covers = Cover.objects.filter(paid_file__creator=creator)
    pictures = {cover.paid_file_id: cover for cover in covers}
    samples = dict(Samples.objects.filter(paid_file__in=rows).values_list("paid_file", "kind"))
    made = list(DiscountCode.objects.filter(paid_file__creator=creator).order_by("created_at"))
    by_file: dict[UUID, list[dict[str, Any]]] = defaultdict(list)
    for code, shown in zip(made, codes.show(made, now=now), strict=True):
        by_file[code.paid_file_id].append(_code(shown))
    places: dict[UUID, list[dict[str, str]]] = defaultdict(list)
    for copy in Copy.objects.filter(container__creator=creator, verified_at__isnull=False):
        places[copy.container_id].append(_place(copy))
    for row in rows:
        cover = pictures.get(row.id)
        yield {
            "id": str(row.id),
            "state": row.state,
            "title": row.title,
            "description": row.description,
            "price": _price(price_of(row)),
            "pricing": _pricing(row, now=now),
            "showcase": _showcase(row),
            "sample": samples.get(row.id),
            "codes": by_file[row.id],
            "confirmations": row.confirmations,
            "is_instant": row.is_instant,
            "stream_only": row.stream_only,
            "generation": row.generation,
            "link_generation": editions[row.id].link_generation,
            "link_file_id": editions[row.id].link_file_id.hex(),
            "meta_link": container.encode_b64url(editions[row.id].meta_link),
            "wrapped_key": container.encode_b64url(bytes(row.wrapped_key)),
            "h_s": row.h_s,
            "removed_reason": row.removed_reason,
            "created_at": time_text(row.created_at),
            "published_at": time_text(row.published_at),
            "container": None
            if row.container is None
            else _container(row.container, places[row.container.id]),
            "cover": None
            if cover is None
            else {
                "media_type": cover.media_type,
                "picture": container.encode_b64url(bytes(cover.picture)),
            },
        }


def _place(copy: Copy) -> dict[str, str]:
    """Where the ciphertext lies: an object in a store, or the creator's own URL."""
    return {"url": copy.url} if copy.url else {"store": copy.store, "object": copy.object_key}


def _container(held: Container, copies: list[dict[str, str]]) -> dict[str, Any]:
    return {
        "content_id": held.content_id,
        "file_id": bytes(held.file_id).hex(),
        "core_header": container.encode_b64url(bytes(held.core_header)),
        "size_bytes": held.size_bytes,
        "payload_bytes": held.payload_bytes,
        "copies": copies,
    }


def _showcase(row: PaidFile) -> dict[str, bool]:
    shown = storefront.shown(row)
    return {name: getattr(shown, name) for name in ("is_adult", "shows_contents", "has_card")}


def _pricing(row: PaidFile, *, now: datetime) -> dict[str, Any]:
    """The terms, and what is left of ``free_first`` and ``stock``: elsewhere they begin with that."""
    terms = stock.terms_of(row)
    counts = stock.counts_of(row, terms, now=now)
    return {
        "free_left": max(0, terms.free_first - counts.given_first),
        "left": pricing.left(terms, counts),
        "kind": terms.kind.value,
        "suggested": None if terms.suggested is None else _price(terms.suggested),
        "free_first": terms.free_first,
        "stock": terms.stock,
        "shows_stock": terms.shows_stock,
        "is_strict": terms.is_strict,
        "sells_from": time_text(terms.sells_from),
        "sells_until": time_text(terms.sells_until),
        "takes_tips": terms.takes_tips,
    }


def _code(code: codes.Shown) -> dict[str, Any]:
    return {
        "code": code.code,
        "note": code.note,
        "is_gift": code.is_gift,
        "percent": code.percent,
        "amount_off": None if code.amount_off is None else _price(code.amount_off),
        "quantity": code.quantity,
        "uses": code.uses,
        "starts_at": time_text(code.starts_at),
        "ends_at": time_text(code.ends_at),
        "ended_at": time_text(code.ended_at),
    }


def _sales(creator: Creator) -> Iterator[dict[str, Any]]:
    """As the sales export has them: one row per payment."""
    for batch in sales.whole(creator, Filters()):
        for sale in batch:
            yield from sales_export.rows_of(sale)


def _given(creator: Creator) -> Iterator[dict[str, Any]]:
    """Purchases that cost nothing."""
    rows = Grant.objects.filter(purchase__paid_file__creator=creator, kind__in=stock.COUNTED)
    found = rows.order_by("created_at", "pk").values_list(
        "purchase_id", "purchase__paid_file_id", "purchase__reference", "kind", "created_at"
    )
    for purchase_id, file_id, reference, kind, at in found.iterator(BATCH):
        yield {
            "purchase": str(purchase_id),
            "file": str(file_id),
            "reference": reference,
            "kind": kind,
            "at": time_text(at),
        }


def _notices(creator: Creator) -> Iterator[dict[str, Any]]:
    rows = Notice.objects.filter(creator=creator).order_by("created_at", "pk")
    for kind, text, at, read_at in rows.values_list(
        "kind", "text", "created_at", "read_at"
    ).iterator(BATCH):
        yield {"kind": kind, "text": text, "at": time_text(at), "read_at": time_text(read_at)}


def _webhook(row: Webhook) -> dict[str, Any]:
    return {
        "url": row.url,
        "kinds": row.kinds,
        "is_active": row.is_active,
        "created_at": time_text(row.created_at),
        "removed_at": time_text(row.removed_at),
    }


def _plain(row: dict[str, Any]) -> dict[str, Any]:
    return {key: time_text(each) if key.endswith("_at") else each for key, each in row.items()}


def _price(price: Price) -> dict[str, str]:
    return {"amount": str(price).partition(" ")[0], "currency": price.currency}
