"""A creator's sales: the list, its totals, the export; and the evidence of one sale."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from asgiref.sync import sync_to_async
from django.conf import settings
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpResponse, StreamingHttpResponse
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from payments import evidence
from unlock import keys, receipts, sales, sales_export
from unlock.errors import PurchaseUnknown
from unlock.serializers.sales import (
    ExportSerializer,
    PageSerializer,
    SalesSerializer,
    SummaryInputSerializer,
    SummarySerializer,
    shown,
)
from unlock.views.purchases import BuyerView
from unlock.views.sessions import CreatorView

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from datetime import datetime
    from uuid import UUID

    from rest_framework.request import Request

    from unlock.models import Purchase

_TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}


class Sales(CreatorView):
    @extend_schema(parameters=[PageSerializer], responses=SalesSerializer)
    def get(self, request: Request) -> Response:
        """Purchases of the creator's files that have an invoice, newest order first."""
        asked = PageSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        found = sales.page(
            self.me(request),
            asked.filters(),
            cursor=asked.validated_data.get("cursor", ""),
            limit=asked.validated_data["limit"],
        )
        return Response(shown(found.sales, found.next))


class SalesSummary(CreatorView):
    @extend_schema(parameters=[SummaryInputSerializer], responses=SummarySerializer)
    def get(self, request: Request) -> Response:
        """Totals of what settled and is still there, and the same by day, week or month.

        ``tz`` says where days begin. A creator's proofs of their own files are left out.
        """
        asked = SummaryInputSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        step = asked.validated_data.get("by")
        found = sales.summarize(
            self.me(request),
            asked.filters(),
            step=None if step is None else sales.Step(step),
            zone=asked.validated_data["tz"],
        )
        return Response(SummarySerializer(found).data)


class SalesExport(CreatorView):
    @extend_schema(
        parameters=[ExportSerializer],
        responses={
            (200, "text/csv"): OpenApiTypes.STR,
            (200, "application/json"): OpenApiTypes.OBJECT,
        },
    )
    def get(self, request: Request) -> StreamingHttpResponse:
        """One row per payment, and one per invoice without any, oldest order first; streamed.

        ``as``: csv or json. docs/accounting.md describes the columns.
        """
        asked = ExportSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        kind, now = asked.validated_data["as"], timezone.now()
        rows = sales.whole(self.me(request), asked.filters())
        chunks = (
            sales_export.csv_chunks(rows)
            if kind == "csv"
            else sales_export.json_chunks(rows, now=now)
        )
        name = f"kim-sales-{now:%Y-%m-%d}.{kind}"
        return streamed(request, chunks, kind=_TYPES[kind], name=name)


class SaleEvidence(CreatorView):
    @extend_schema(responses={(200, "application/json"): OpenApiTypes.OBJECT})
    def get(self, request: Request, purchase_id: UUID) -> HttpResponse:
        """Everything that proves the payment without this server (format kim-evidence-1)."""
        return _evidence(sales.find(self.me(request), purchase_id), now=timezone.now())


class PurchaseEvidence(BuyerView):
    @extend_schema(responses={(200, "application/json"): OpenApiTypes.OBJECT})
    def get(self, request: Request, purchase_id: UUID) -> HttpResponse:
        """The same, for the buyer of it."""
        return _evidence(self.find(request, purchase_id), now=timezone.now())


def _evidence(purchase: Purchase, *, now: datetime) -> HttpResponse:
    """Raises PurchaseUnknown: a granted purchase was paid with nothing."""
    if purchase.invoice_id is None:
        raise PurchaseUnknown("Nothing was paid for this purchase.", hint="There is no evidence.")
    standing = keys.standing_of(purchase.id, now=now)
    is_paid = standing.is_open and standing.invoice is not None and standing.invoice.settled_at
    signed = receipts.issue(standing) if is_paid else None
    sale = {
        "instance": settings.KIM_PUBLIC_URL,
        "purchase": str(purchase.id),
        "file": str(purchase.paid_file_id),
        "title": purchase.paid_file.title,
        "content_id": purchase.content_id,
        "created_at": purchase.created_at.isoformat(),
    }
    found = evidence.of(
        purchase.invoice_id,
        sale=sale,
        receipt=None if signed is None else (signed.body, signed.signature),
        now=now,
    )
    return HttpResponse(
        json.dumps(found, ensure_ascii=False, indent=1),
        content_type="application/json",
        headers=_saved_as(f"kim-evidence-{str(purchase.id)[:8]}.json"),
    )


def streamed(
    request: Request, chunks: Iterator[bytes], *, kind: str, name: str
) -> StreamingHttpResponse:
    """A file to save under this name, made while it is sent."""
    is_async = isinstance(request._request, ASGIRequest)  # noqa: SLF001 - DRF's own way to it
    body = _waiting(chunks) if is_async else chunks
    return StreamingHttpResponse(body, content_type=kind, headers=_saved_as(name))


def _saved_as(name: str) -> dict[str, str]:
    return {
        "Content-Disposition": f'attachment; filename="{name}"',
        "Cache-Control": "no-store",
        "X-Accel-Buffering": "no",
    }


async def _waiting(chunks: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The same chunks for the asynchronous server; each is made in a thread."""
    step: Any = sync_to_async(next)
    while (chunk := await step(chunks, None)) is not None:
        yield chunk
