"""Sales as rows for a spreadsheet or a program: one row per payment, and one for each invoice that
got none. Amounts of the invoice stand in its first row only, so that every column can be summed up.
"""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from decimal import Decimal

    from payments.accounting import Bill, Payment
    from unlock.sales import Sale

FORMAT: Final = "kim-sales-1"
COLUMNS: Final = (
    "date", "invoice", "purchase", "file", "title", "content_id", "is_proof", "network",
    "state", "flags", "price_amount", "price_currency", "confirmations_wanted", "address",
    "derivation", "payment", "due_sat", "quote_rate", "quote_sources",
    "outpoint", "value_sat", "counts", "seen", "first_seen_at", "block_height", "block_hash",
    "block_time", "confirmations", "receipt_rate", "receipt_sources", "fiat_amount",
    "fiat_currency", "fiat_by", "settled_at", "settled_sat", "settled_instantly", "over_sat",
    "refund_due_sat", "refund_txid", "refund_sat", "forward_txid", "forward_fee_sat",
    "reference", "tip_amount",
)  # fmt: skip
# What a spreadsheet would run as a formula; "'" in front makes it text.
_FORMULA: Final = re.compile(r"[=+\-@\t\r\n]")
_NUMBER: Final = re.compile(r"-?\d+(\.\d+)?")


def csv_chunks(batches: Iterable[Iterable[Sale]]) -> Iterator[bytes]:
    """UTF-8 with a header row, lines ending in CRLF (RFC 4180)."""
    yield _csv_lines([COLUMNS])
    for batch in batches:
        rows = (row for sale in batch for row in rows_of(sale))
        yield _csv_lines([_cell(row[name]) for name in COLUMNS] for row in rows)


def json_chunks(batches: Iterable[Iterable[Sale]], *, now: datetime) -> Iterator[bytes]:
    """One object: ``format``, ``made_at`` and ``rows``. A file that was cut off cannot be read."""
    yield f'{{"format":"{FORMAT}","made_at":"{time_text(now)}","rows":['.encode()
    comma = ""
    for batch in batches:
        rows = [row for sale in batch for row in rows_of(sale)]
        text = ",\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        yield f"{comma}\n{text}".encode()
        comma = ","
    yield b"\n]}\n"


def rows_of(sale: Sale) -> Iterator[dict[str, Any]]:
    """Its rows, first payment first. Integers are satoshis and counts; decimals are strings."""
    whole = {**dict.fromkeys(COLUMNS), **_sale(sale)}
    once = _once(sale.bill)
    if not sale.bill.payments:
        yield {**whole, **once, "quote_rate": _decimal(sale.bill.quoted),
               "quote_sources": list(sale.bill.quoted_by), "due_sat": sale.bill.due_sat}  # fmt: skip
    for number, payment in enumerate(sale.bill.payments, 1):
        yield {**whole, **(once if number == 1 else {}), **_payment(payment, number)}


def _sale(sale: Sale) -> dict[str, Any]:
    bill, purchase = sale.bill, sale.purchase
    price = str(bill.price).partition(" ")[0]
    tip = "" if sale.tip is None else str(sale.tip).partition(" ")[0]
    return {
        "date": time_text(bill.created_at),
        "invoice": str(bill.id),
        "purchase": str(purchase.id),
        "file": str(purchase.paid_file_id),
        "title": purchase.paid_file.title,
        "content_id": purchase.content_id,
        "reference": purchase.reference,
        "is_proof": purchase.is_proof,
        "network": bill.network,
        "state": str(bill.state),
        "flags": list(bill.flags),
        "price_amount": price,
        "tip_amount": tip,
        "price_currency": bill.price.currency,
        "confirmations_wanted": bill.confirmations,
        "address": bill.address,
        "derivation": bill.derivation,
        "settled_at": time_text(bill.settled_at),
        "settled_instantly": bill.is_instant,
    }


def _once(bill: Bill) -> dict[str, Any]:
    refund = bill.refund
    return {
        "settled_sat": bill.settled_sat,
        "over_sat": bill.over_sat,
        "refund_due_sat": refund.due_sat if refund and not refund.is_closed else 0,
        "refund_txid": refund.txid if refund else "",
        "refund_sat": refund.paid_sat if refund else 0,
    }


def _payment(payment: Payment, number: int) -> dict[str, Any]:
    worth = payment.worth
    return {
        "payment": number,
        "due_sat": payment.due_sat if number == 1 else None,
        "quote_rate": _decimal(payment.quoted),
        "quote_sources": list(payment.quoted_by),
        "outpoint": f"{payment.txid}:{payment.vout}",
        "value_sat": payment.value_sat,
        "counts": payment.has_settled,
        "seen": payment.seen,
        "first_seen_at": time_text(payment.first_seen_at),
        "block_height": payment.height,
        "block_hash": payment.block_hash,
        "block_time": time_text(payment.block_time),
        "confirmations": payment.confirmations,
        "receipt_rate": _decimal(payment.rate),
        "receipt_sources": list(payment.rate_by),
        "fiat_amount": str(worth).partition(" ")[0] if worth else None,
        "fiat_currency": worth.currency if worth else None,
        "fiat_by": payment.worth_by,
        "forward_txid": payment.forward_txid,
        "forward_fee_sat": payment.forward_fee_sat,
    }


def _csv_lines(rows: Iterable[Iterable[Any]]) -> bytes:
    out = io.StringIO()
    csv.writer(out).writerows(rows)
    return out.getvalue().encode()


def _cell(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case list():
            text = " ".join(value)
        case _:
            text = str(value)
    is_formula = _FORMULA.match(text) and not _NUMBER.fullmatch(text)
    return f"'{text}" if is_formula else text


def time_text(moment: datetime | None) -> str | None:
    """ISO 8601 in UTC, to the second."""
    if moment is None:
        return None
    return moment.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")


def _decimal(value: Decimal | None) -> str | None:
    return None if value is None else f"{value:f}"
