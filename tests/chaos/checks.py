"""What must hold when the dust has settled: by the chain's own word, the store's bytes and the rows.

Each check gives the sentences that say what is wrong; none means that all is well. Rows are read by
SQL of their own, past the product's code.
"""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import psycopg

from kim.env import StoreConfig
from tests.actors import Refused
from tests.chaos.cast import Book, Sale, opens
from tests.chaos.wallet import Wallet
from unlock import container
from unlock.errors import StoreError
from unlock.storage import S3Store

T = TypeVar("T")
REST_SECONDS = 120.0
SERVED_SECONDS = 90.0
ROUNDS = 3
ROUND_SECONDS = 20.0
FINAL_DEPTH = 10  # blocks, after which nobody asks again for a forward

# Each must come to nothing by itself: whatever was cut off is taken up again.
STUCK = {
    "uploads that nobody ends": "SELECT id FROM unlock_upload WHERE state IN ('completing', 'verifying')",
    "keys that are owed": "SELECT id FROM unlock_purchase WHERE release_due_at IS NOT NULL",
    "copies that wait": "SELECT id FROM unlock_copy WHERE wanted_at IS NOT NULL AND damaged_at IS NULL",
    "messages that wait": "SELECT id FROM unlock_delivery WHERE state = 'waiting'",
    "events that nobody read": (
        "SELECT name FROM unlock_cursor WHERE name IN ('invoice-events', 'webhooks', 'notices', 'stock')"
        " AND position < (SELECT coalesce(max(position), 0) FROM payments_event)"
    ),
    "sales seen and not settled": (
        "SELECT id FROM payments_invoice WHERE settled_at IS NULL AND confirmed_sat >= due_sat"
    ),
    "coins that were not passed on": (
        "SELECT o.id FROM payments_output o JOIN payments_invoice i ON i.id = o.invoice_id"
        " WHERE o.forward_id IS NULL AND o.chain = 'BLOCK' AND NOT o.has_token AND o.value_sat > 1500"
    ),
}
FORWARDS = {
    "forwards in no block": (
        "SELECT txid FROM payments_forward WHERE mined_height IS NULL AND dropped_at IS NULL"
    )
}
# What may never be, not for a moment.
NEVER = {
    "an event is missing": (
        "SELECT count(*), max(position) FROM payments_event HAVING count(*) <> coalesce(max(position), 0)"
    ),
    "a key went out for nothing": (
        "SELECT r.purchase_id FROM unlock_keyrelease r JOIN unlock_purchase p ON p.id = r.purchase_id"
        " LEFT JOIN unlock_grant g ON g.purchase_id = p.id"
        " LEFT JOIN payments_invoice i ON i.id = p.invoice_id"
        " WHERE g.id IS NULL AND i.settled_at IS NULL"
    ),
    "two keys for one sale": (
        "SELECT purchase_id FROM unlock_keyrelease GROUP BY purchase_id, generation HAVING count(*) > 1"
    ),
    "a sale was told twice as settled": (
        "SELECT invoice_id FROM payments_event WHERE kind = 'settled'"
        " GROUP BY invoice_id HAVING count(*) > 1"
    ),
    "one address for two sales": (
        "SELECT script FROM payments_address GROUP BY script HAVING count(*) > 1"
    ),
    "forwards that lose money": (
        "SELECT f.txid FROM payments_forward f JOIN payments_output o ON o.forward_id = f.id"
        " WHERE f.dropped_at IS NULL GROUP BY f.txid, f.value_sat, f.fee_sat"
        " HAVING sum(o.value_sat) <> f.value_sat + f.fee_sat"
    ),
}


def everything(
    book: Book,
    *,
    database_url: str,
    wallet: Wallet,
    store: StoreConfig,
    look_at_forwards: Callable[[], None],
) -> Iterator[str]:
    """``look_at_forwards``: a task whose turn comes every ten minutes by itself."""
    yield from book.troubles
    had_sat = {sale.address: wallet.received_sat(sale.address) for sale in book.sales}
    unpaid = [sale for sale in book.sales if had_sat[sale.address] <= sale.due_sat // 2]
    for sale in unpaid:
        _is_open(sale)  # if it is, its key is there when all else was looked at
    with psycopg.connect(database_url, autocommit=True) as database:
        yield from _unstuck(database, STUCK)
        for _ in range(ROUNDS):  # the first sends again what the pool of a killed node lost
            wallet.mine(FINAL_DEPTH)
            look_at_forwards()
            stuck = list(_unstuck(database, FORWARDS, seconds=ROUND_SECONDS))
            if not stuck:
                break
        yield from stuck
        yield from uploads_whole(book, database, S3Store(store))
        yield from _books_balance(book, database, wallet)
        for sale in book.sales:
            if had_sat[sale.address] >= sale.due_sat:
                yield from _is_served(sale)
        for sale in unpaid:
            if _is_open(sale):
                yield f"purchase {sale.buyer.purchase} paid {sale.way} and is open"
        for name, query in NEVER.items():
            if rows := _ask(database, query):
                yield f"{name}: {rows[:3]}"


def uploads_whole(book: Book, database: psycopg.Connection[Any], store: S3Store) -> Iterator[str]:
    """Every upload that the server took lies in the store, byte for byte, and is noted so."""
    for upload, offer in book.uploads.items():
        rows = _ask(
            database,
            "SELECT u.state, c.object_key, k.content_id FROM unlock_upload u"
            " JOIN unlock_copy c ON c.id = u.copy_id"
            " JOIN unlock_container k ON k.id = u.container_id WHERE u.id = %s",
            upload,
        )
        if len(rows) != 1 or rows[0][0] != "verified":
            yield f"upload {upload} was taken and is {rows}"
            continue
        try:
            head = store.head(rows[0][1])
            stored = b"".join(store.stream(rows[0][1], size_bytes=head.size_bytes, etag=head.etag))
        except StoreError as error:
            yield f"upload {upload} cannot be read: {error}"
            continue
        yield from _is_container(upload, stored, rows[0][2])
        if offer is not None and stored != offer.stored:
            yield f"upload {upload} has other bytes"


def _is_container(upload: str, stored: bytes, content_id: str) -> Iterator[str]:
    found = container.Container(io.BytesIO(stored))
    if found.content_id.hex() != content_id:
        yield f"upload {upload} is another container"
    for number in range(found.core.segments):
        segment = stored[slice(*_bounds(found, number))]
        if hashlib.sha256(segment).digest() != found.index.segment_hash(number):
            yield f"upload {upload}: segment {number} is damaged"


def _bounds(found: container.Container, number: int) -> tuple[int, int]:
    offset, size = found.core.segment_range(number)
    return offset, offset + size


def _is_served(sale: Sale) -> Iterator[str]:
    """Paid, and so open, with the bytes that were sold."""
    try:
        opens(sale, seconds=SERVED_SECONDS)
    except (AssertionError, OSError, Refused) as error:
        yield f"purchase {sale.buyer.purchase} paid {sale.way} and is shut: {error!r}"
    else:
        yield from _is_what_was_sold(sale)


def _is_open(sale: Sale) -> bool:
    """Asked once. A gate that is open without a key yet asks a worker for it."""
    try:
        sale.buyer.release(seconds=0)
    except AssertionError:
        return False
    return True


def _is_what_was_sold(sale: Sale) -> Iterator[str]:
    secrets, stored = sale.offer.secrets, sale.offer.stored
    reader = container.Reader(container.Container(io.BytesIO(stored)), secrets.content_key)
    if b"".join(reader.pieces(0, len(sale.offer.payload))) != sale.offer.payload:
        yield f"purchase {sale.buyer.purchase} opens to something else"


def _books_balance(book: Book, database: psycopg.Connection[Any], wallet: Wallet) -> Iterator[str]:
    """Seen and confirmed are what the chain holds, of every sale that anybody was told."""
    query = (
        "SELECT i.seen_sat, i.confirmed_sat,"
        " (SELECT coalesce(sum(value_sat), 0) FROM payments_output o WHERE o.invoice_id = i.id)"
        " FROM payments_invoice i JOIN unlock_purchase p ON p.invoice_id = i.id WHERE p.id = %s"
    )
    for sale in list(book.sales):
        true_sat = wallet.received_sat(sale.address)
        purchase = sale.buyer.purchase

        def balances(purchase: object = purchase, true_sat: int = true_sat) -> str:
            rows = [tuple(map(int, row)) for row in _ask(database, query, purchase)]
            return "" if rows == [(true_sat,) * 3] else f"{rows}, and {true_sat} sat are there"

        if found := _patiently(balances):
            yield f"purchase {purchase}: written down are {found}"


def _unstuck(
    database: psycopg.Connection[Any], queries: dict[str, str], *, seconds: float = REST_SECONDS
) -> Iterator[str]:
    for name, query in queries.items():

        def stuck(query: str = query) -> list[tuple[Any, ...]]:
            return _ask(database, query)

        if rows := _patiently(stuck, seconds=seconds):
            yield f"{name}: {len(rows)}, {rows[:3]}"


def _patiently(wrong: Callable[[], T], *, seconds: float = REST_SECONDS) -> T:
    """What is wrong; what comes right by itself is given the time that it may take."""
    deadline = time.monotonic() + seconds
    while (found := wrong()) and time.monotonic() < deadline:
        time.sleep(0.2)
    return found


def _ask(database: psycopg.Connection[Any], query: str, *values: object) -> list[tuple[Any, ...]]:
    return database.execute(query.encode(), values or None).fetchall()
