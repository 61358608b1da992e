"""The evidence of one invoice: all that is needed to prove its payment without this server.

Made from rows alone, no network. Where an older row lacks its merkle branch, the file says so with
null: what was never kept is not made up. ``payments.proofs`` checks the file.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings

from payments import evidence_format, headers
from payments.errors import InvoiceMissing
from payments.headerchain import BATCH
from payments.headers import HEADER_BYTES
from payments.models import HeaderPage, Invoice
from payments.proofs import COINBASE_DEPTH
from payments.states import Network, OutputChain
from payments.tiers import FINAL_DEPTH

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime
    from uuid import UUID

    from payments.models import Output, Quote


def of(
    invoice_id: UUID,
    *,
    sale: Mapping[str, str],
    receipt: tuple[bytes, bytes] | None,
    now: datetime,
) -> dict[str, Any]:
    """The file's members, signed by the instance. ``sale``: whose it is, in the caller's words,
    with ``purchase`` among them; ``receipt``: body and signature. Raises ``InvoiceMissing``.
    """
    rows = Invoice.objects.select_related("address").filter(pk=invoice_id)
    invoice = rows.first()
    if invoice is None:
        raise InvoiceMissing("There is no such invoice.")
    outputs = list(invoice.outputs.select_related("transaction").order_by("first_seen_at", "pk"))
    members = {
        "format": evidence_format.FORMAT,
        "made_at": _time(now),
        "sale": dict(sale),
        "invoice": _invoice(invoice),
        "quotes": [_quote(each) for each in invoice.quotes.order_by("quoted_at", "pk")],
        "outputs": [_output(each) for each in outputs],
        "chain": _chain(Network(invoice.network), invoice.confirmations, outputs),
        "receipt": _receipt(receipt),
    }
    return evidence_format.sign(members, settings.KIM_SIGNING_KEY)


def _invoice(invoice: Invoice) -> dict[str, Any]:
    return {
        "id": str(invoice.id),
        "network": invoice.network,
        "state": invoice.state,
        "flags": list(invoice.flags),
        "address": invoice.address.shown,
        "script": invoice.address.script,
        "redeem_script": invoice.address.redeem_script,
        "index": invoice.address.index,
        "price_amount": f"{invoice.price_amount:f}",
        "price_currency": invoice.price_currency,
        "confirmations": invoice.confirmations,
        "tolerance_bps": invoice.tolerance_bps,
        "due_sat": invoice.due_sat,
        "created_at": _time(invoice.created_at),
        "accepted_at": _time(invoice.accepted_at),
        "accepted_sat": invoice.accepted_sat,
        "settled_at": _time(invoice.settled_at),
        "settled_sat": invoice.settled_sat,
        "settled_instantly": invoice.settled_instantly,
        "settled_by": list(invoice.evidence),
    }


def _quote(quote: Quote) -> dict[str, Any]:
    return {
        "due_sat": quote.due_sat,
        "min_sat": quote.min_sat,
        "rate": None if quote.rate is None else f"{quote.rate:f}",
        "sources": list(quote.sources),
        "evidence": list(quote.evidence),
        "quoted_at": _time(quote.quoted_at),
        "until": _time(quote.until),
    }


def _output(output: Output) -> dict[str, Any]:
    is_mined = output.chain == OutputChain.BLOCK
    has_proof = is_mined and output.merkle_position is not None
    return {
        "txid": output.transaction_id,
        "vout": output.vout,
        "value_sat": output.value_sat,
        "raw": bytes(output.transaction.raw).hex(),
        "has_token": output.has_token,
        "is_coinbase": output.is_coinbase,
        "seen": output.chain,
        "first_seen_at": _time(output.first_seen_at),
        "height": output.height if is_mined else None,
        "block_hash": output.block_hash if is_mined else "",
        "block_time": _time(output.block_time) if is_mined else None,
        "branch": list(output.merkle_branch) if has_proof else None,
        "position": output.merkle_position if has_proof else None,
        "rate": None if output.rate is None else f"{output.rate:f}",
        "rate_sources": list(output.rate_sources),
    }


def _chain(network: Network, confirmations: int, outputs: Iterable[Output]) -> dict[str, Any]:
    """Our own headers: the checkpoint, and for each block its parent, itself and those upon it."""
    base = headers.RULES[network].checkpoint_height
    depths: dict[int, int] = {}
    for output in outputs:
        if output.chain == OutputChain.BLOCK and output.height is not None and output.height > base:
            deep = COINBASE_DEPTH if output.is_coinbase else max(confirmations, FINAL_DEPTH)
            depths[output.height] = max(deep, depths.get(output.height, 0))
    spans = {height: (height - 1, deep + 1) for height, deep in depths.items()}
    raws = _raw_headers(base, [(base, 1), *spans.values()])
    blocks = [
        {"height": height, "headers": raws[span].hex()}
        for height, span in sorted(spans.items())
        if len(raws[span]) >= 2 * HEADER_BYTES  # else the block is beyond what is stored
    ]
    return {"checkpoint_height": base, "checkpoint": raws[base, 1].hex(), "blocks": blocks}


def _raw_headers(base: int, spans: list[tuple[int, int]]) -> dict[tuple[int, int], bytes]:
    """Stored headers of each (start, count), as far as there are any; in one query."""
    starts = {
        base + (at - base) // BATCH * BATCH
        for start, count in spans
        for at in (start, start + count - 1)
    }
    pages = {
        page.start_height: bytes(page.raw)
        for page in HeaderPage.objects.filter(start_height__in=starts)
    }

    def cut(start: int, count: int) -> bytes:
        first = base + (start - base) // BATCH * BATCH
        page = pages.get(first, b"")
        if len(page) == BATCH * HEADER_BYTES:  # only a full page is followed by another
            page += pages.get(first + BATCH, b"")
        at = (start - first) * HEADER_BYTES
        return page[at : at + count * HEADER_BYTES]

    return {span: cut(*span) for span in spans}


def _receipt(receipt: tuple[bytes, bytes] | None) -> dict[str, str] | None:
    if receipt is None:
        return None
    body, signature = receipt
    return {
        "body": evidence_format.encode(body),
        "signature": evidence_format.encode(signature),
    }


def _time(moment: datetime | None) -> str | None:
    return None if moment is None else moment.isoformat().replace("+00:00", "Z")
