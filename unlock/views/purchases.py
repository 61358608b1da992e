"""A buyer's calls: order, look, quote again, key, location, receipt. All carry the claim."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from unlock import keys, limits, locations, purchases, receipts, versions, visitors
from unlock.errors import NotPaid
from unlock.serializers.purchases import (
    LocationsSerializer,
    OrderSerializer,
    PendingSerializer,
    PurchaseSerializer,
    ReceiptSerializer,
    ReleaseSerializer,
    VersionAskSerializer,
    shown,
    shown_new,
)
from unlock.states import ReleaseState
from unlock.tasks.keys import ask_release
from unlock.views.claims import ClaimAuthentication, claim_hash_of

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from rest_framework.request import Request

    from unlock.models import KeyRelease, Purchase


class BuyerView(APIView):
    """No session here: a claim proves a purchase, and only that one."""

    authentication_classes = (ClaimAuthentication,)

    def find(self, request: Request, purchase_id: UUID) -> Purchase:
        return purchases.find(purchase_id, claim_hash=claim_hash_of(request))


class Purchases(BuyerView):
    throttle_scope = "purchase"

    @extend_schema(request=OrderSerializer, responses={201: PurchaseSerializer})
    def post(self, request: Request, file_id: UUID) -> Response:
        """Order a file: an address of its own and a quote, or, where it is free, the key at once.

        409 ``claim_known``: take the next; ``sold_out``, ``offer_changed``: nothing was ordered.
        """
        asked = OrderSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        now = timezone.now()
        order = purchases.Order(
            paid_file_id=file_id,
            buyer_key=asked.validated_data["buyer_key"],
            claim_hash=claim_hash_of(request),
            source=visitors.of(request),
            pays=asked.validated_data.get("pays"),
            tip=asked.validated_data.get("tip"),
            code=asked.validated_data.get("code", ""),
            reference=limits.clean_reference(asked.validated_data["reference"]),
            return_url=limits.clean_return_url(asked.validated_data["return_url"]),
            note=asked.validated_data.get("note", b""),
            content_id=asked.validated_data.get("content_id", ""),
        )
        made = purchases.begin(order, now=now)
        if made.invoice is None:
            ask_release(made.purchase.id)
            standing = keys.standing_of(made.purchase.id, now=now)
        else:
            standing = keys.standing_of_new(made.purchase, made.invoice)
        view = PurchaseSerializer(shown_new(standing, made.purchase.paid_file, now=now))
        return Response(view.data, status=status.HTTP_201_CREATED)


class PurchaseDetail(BuyerView):
    @extend_schema(responses=PurchaseSerializer)
    def get(self, request: Request, purchase_id: UUID) -> Response:
        """The purchase as it stands."""
        return show(self.find(request, purchase_id), now=timezone.now())


class Quotes(BuyerView):
    throttle_scope = "purchase"

    @extend_schema(request=None, responses=PurchaseSerializer)
    def post(self, request: Request, purchase_id: UUID) -> Response:
        """A new quote for the same address, once the last one is over."""
        found, now = self.find(request, purchase_id), timezone.now()
        purchases.requote(found, now=now)
        return show(found, now=now)


class Release(BuyerView):
    @extend_schema(
        request=VersionAskSerializer,
        responses={
            200: ReleaseSerializer,
            202: PendingSerializer,
            402: OpenApiResponse(description="`not_paid`"),
        },
    )
    def post(self, request: Request, purchase_id: UUID) -> Response:
        """The sealed key; 202 while the worker seals it, 402 while the gate is shut."""
        found, now = self.find(request, purchase_id), timezone.now()
        content_id = _version(request) or found.content_id
        sold = None
        if content_id != found.content_id:
            sold = versions.asked(found, content_id)
        kept = keys.read(found.id, generation=sold.generation if sold else None, now=now)
        if kept is not None:
            return Response(ReleaseSerializer(_Released(kept, content_id)).data)
        if not keys.standing_of(found.id, now=now).is_open:
            raise NotPaid("The payment is not settled.")
        if sold is None:
            keys.owe([found.id], now=now)
        else:
            keys.owe_newer(found.id, now=now)
        ask_release(found.id)
        return Response({"release": ReleaseState.PENDING}, status=status.HTTP_202_ACCEPTED)


class Location(BuyerView):
    @extend_schema(request=VersionAskSerializer, responses=LocationsSerializer)
    def post(self, request: Request, purchase_id: UUID) -> Response:
        """Signed addresses of the whole container, from the moment the payment was seen."""
        found = self.find(request, purchase_id)
        signed = locations.sign(found.id, content_id=_version(request), now=timezone.now())
        return Response(LocationsSerializer({"urls": signed}).data)


class Receipt(BuyerView):
    @extend_schema(parameters=[OpenApiParameter("content_id", str)], responses=ReceiptSerializer)
    def get(self, request: Request, purchase_id: UUID) -> Response:
        """What the instance signs for a settled or granted purchase, for one of its versions."""
        found = self.find(request, purchase_id)
        standing = keys.standing_of(found.id, now=timezone.now())
        content_id = _version_of(request.query_params)
        signed = receipts.issue(standing, content_id=content_id)
        return Response(ReceiptSerializer(signed).data)


@dataclass(frozen=True, slots=True)
class _Released:
    """A kept release, and which content it opens."""

    row: KeyRelease
    content_id: str

    def __getattr__(self, name: str) -> object:
        return getattr(self.row, name)


def _version(request: Request) -> str:
    return _version_of(request.data)


def _version_of(given: object) -> str:
    """The content_id that a call names; "" for the version that was bought."""
    asked = VersionAskSerializer(data=given)
    asked.is_valid(raise_exception=True)
    named: str = asked.validated_data.get("content_id", "")
    return named


def show(purchase: Purchase, *, now: datetime) -> Response:
    standing = keys.standing_of(purchase.id, now=now)
    return Response(PurchaseSerializer(shown(standing, purchase.paid_file, now=now)).data)
