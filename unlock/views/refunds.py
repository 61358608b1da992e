"""Where a buyer's money goes back to, and a lost order brought back by its ticket."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from payments import refunds
from unlock import purchases, restoring
from unlock.errors import PurchaseUnknown
from unlock.serializers.purchases import (
    PurchaseSerializer,
    RefundAddressSerializer,
    TicketSerializer,
)
from unlock.tasks.keys import ask_release
from unlock.views.claims import claim_hash_of
from unlock.views.purchases import BuyerView, show

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request


class RefundAddress(BuyerView):
    throttle_scope = "purchase"

    @extend_schema(request=RefundAddressSerializer, responses=PurchaseSerializer)
    def put(self, request: Request, purchase_id: UUID) -> Response:
        """Where money may go back to: an address of the buyer's own wallet, on this network.

        A refund that is being paid already keeps the address it had.
        """
        found, now = self.find(request, purchase_id), timezone.now()
        asked = RefundAddressSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        if found.invoice_id is None:
            raise PurchaseUnknown("Nothing is paid for this purchase.", hint="Nothing goes back.")
        refunds.note_address(found.invoice_id, asked.validated_data["address"].strip(), now=now)
        return show(found, now=now)


class Restored(BuyerView):
    throttle_scope = "purchase"

    @extend_schema(request=TicketSerializer, responses=PurchaseSerializer)
    def post(self, request: Request) -> Response:
        """A purchase that this instance has lost, made again from its signed ticket. Repeatable."""
        asked = TicketSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        claim_hash, now = claim_hash_of(request), timezone.now()
        made = restoring.restore(**asked.validated_data, claim_hash=claim_hash, now=now)
        ask_release(made.id)
        return show(purchases.find(made.id, claim_hash=claim_hash), now=now)
