"""A buyer's calls: order, look, quote again, key, location, receipt. All carry the claim."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.throttling import BaseThrottle
from rest_framework.views import APIView

from unlock import keys, limits, locations, purchases, receipts
from unlock.errors import NotPaid
from unlock.serializers.purchases import (
    LocationsSerializer,
    OrderSerializer,
    PendingSerializer,
    PurchaseSerializer,
    ReceiptSerializer,
    ReleaseSerializer,
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

    from unlock.models import Purchase


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
            source=BaseThrottle().get_ident(request),
            pays=asked.validated_data.get("pays"),
            tip=asked.validated_data.get("tip"),
            code=asked.validated_data.get("code", ""),
            reference=limits.clean_reference(asked.validated_data["reference"]),
            return_url=limits.clean_return_url(asked.validated_data["return_url"]),
            note=asked.validated_data.get("note", b""),
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
        request=None,
        responses={
            200: ReleaseSerializer,
            202: PendingSerializer,
            402: OpenApiResponse(description="`not_paid`"),
        },
    )
    def post(self, request: Request, purchase_id: UUID) -> Response:
        """The sealed key; 202 while the worker seals it, 402 while the gate is shut."""
        found, now = self.find(request, purchase_id), timezone.now()
        kept = keys.read(found.id, now=now)
        if kept is not None:
            return Response(ReleaseSerializer(kept).data)
        if not keys.standing_of(found.id, now=now).is_open:
            raise NotPaid("The payment is not settled.")
        keys.owe([found.id], now=now)
        ask_release(found.id)
        return Response({"release": ReleaseState.PENDING}, status=status.HTTP_202_ACCEPTED)


class Location(BuyerView):
    @extend_schema(request=None, responses=LocationsSerializer)
    def post(self, request: Request, purchase_id: UUID) -> Response:
        """Signed addresses of the whole container, from the moment the payment was seen."""
        found = self.find(request, purchase_id)
        signed = locations.sign(found.id, now=timezone.now())
        return Response(LocationsSerializer({"urls": signed}).data)


class Receipt(BuyerView):
    @extend_schema(responses=ReceiptSerializer)
    def get(self, request: Request, purchase_id: UUID) -> Response:
        """What the instance signs for a settled or granted purchase."""
        found = self.find(request, purchase_id)
        signed = receipts.issue(keys.standing_of(found.id, now=timezone.now()))
        return Response(ReceiptSerializer(signed).data)


def show(purchase: Purchase, *, now: datetime) -> Response:
    standing = keys.standing_of(purchase.id, now=now)
    return Response(PurchaseSerializer(shown(standing, purchase.paid_file, now=now)).data)
