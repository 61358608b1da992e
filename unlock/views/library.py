"""What buyers come back to: their purchases by claim, a page for a friend who pays, a receipt, and
a purchase given again.

Claims stand in a header or in the body of a POST, never in an address, and nothing here logs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from payments import invoices
from unlock import again, container, library, purchases, storage, visitors, withdrawals
from unlock.errors import PurchaseUnknown
from unlock.models import Purchase
from unlock.serializers.library import (
    AskAgainSerializer,
    AskedAgainSerializer,
    ClaimedSerializer,
    ClaimsSerializer,
    GiveAgainSerializer,
    GivenAgainSerializer,
    HeldManySerializer,
    NoteSerializer,
    PaymentStandingSerializer,
    SearchSerializer,
    payment_of,
)
from unlock.serializers.purchases import PurchaseSerializer
from unlock.tasks.keys import ask_release
from unlock.views.claims import claim_hash_of
from unlock.views.pages import CONNECT, shell
from unlock.views.purchases import BuyerView, show
from unlock.views.sessions import CreatorView

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse
    from rest_framework.request import Request


class Claimed(BuyerView):
    throttle_scope = "recovery"

    @extend_schema(responses=ClaimedSerializer)
    def get(self, request: Request) -> Response:
        """The purchase of this claim, for a browser that knows its seed and nothing else."""
        return Response(ClaimedSerializer(library.claimed(claim_hash_of(request))).data)


class Claims(APIView):
    """Each claim proves its own purchase; nobody is signed in, and no cookie is read."""

    authentication_classes = ()
    throttle_scope = "recovery"

    @sensitive_variables()
    @extend_schema(request=ClaimsSerializer, responses=HeldManySerializer, auth=[])
    def post(self, request: Request) -> Response:
        """Up to twenty purchases in brief, by their claims; what nobody bought is left out."""
        asked = ClaimsSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        hashes = [container.claim_hash(claim) for claim in asked.validated_data["claims"]]
        held = library.held_by(hashes, now=timezone.now())
        return Response(HeldManySerializer({"purchases": held}).data)


class Note(BuyerView):
    throttle_scope = "recovery"

    @extend_schema(request=NoteSerializer, responses=PurchaseSerializer)
    def put(self, request: Request, purchase_id: UUID) -> Response:
        """L for the buyer's other devices, where the order was made without it."""
        found, asked = self.find(request, purchase_id), NoteSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        library.keep_note(found, asked.validated_data["note"])
        found.refresh_from_db(fields=["note"])
        return show(found, now=timezone.now())


class Payment(APIView):
    authentication_classes = ()

    @extend_schema(responses=PaymentStandingSerializer, auth=[])
    def get(self, request: Request, invoice_id: UUID) -> Response:
        """How a payment stands, for somebody who pays for the buyer: no buyer, no file, no key."""
        del request
        sold, now = _sold(invoice_id), timezone.now()
        invoice = withdrawals.shown(invoices.status_of(invoice_id, now=now), sold)
        facts = payment_of(invoice, now=now)
        return Response(PaymentStandingSerializer(facts).data)


class AskAgain(BuyerView):
    throttle_scope = "purchase"

    @extend_schema(request=AskAgainSerializer, responses={201: PurchaseSerializer})
    def post(self, request: Request, file_id: UUID) -> Response:
        """A buyer who lost everything asks for a file again: nothing to pay, and nothing opens
        before the creator says yes.
        """
        asked = AskAgainSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        order = purchases.Order(
            paid_file_id=file_id,
            buyer_key=asked.validated_data["buyer_key"],
            claim_hash=claim_hash_of(request),
            source=visitors.of(request),
            note=asked.validated_data.get("note", b""),
        )
        now = timezone.now()
        answer = show(again.ask(order, now=now), now=now)
        answer.status_code = status.HTTP_201_CREATED
        return answer


class AskedAgain(CreatorView):
    @extend_schema(parameters=[SearchSerializer], responses=AskedAgainSerializer)
    def get(self, request: Request, purchase_id: UUID) -> Response:
        """What a buyer asked for, and the paid sales of that file it may have been."""
        wanted = SearchSerializer(data=request.query_params)
        wanted.is_valid(raise_exception=True)
        me = self.me(request)
        asked = again.find(me, purchase_id)
        facts = {
            "purchase": asked.id,
            "file": asked.paid_file_id,
            "title": asked.paid_file.title,
            "asked_at": asked.created_at,
            "is_given": again.is_given(asked),
            "sales": again.past_sales(me, asked, wanted.validated_data["q"]),
        }
        return Response(AskedAgainSerializer(facts).data)


class GiveAgain(CreatorView):
    @extend_schema(request=GiveAgainSerializer, responses=GivenAgainSerializer)
    def post(self, request: Request, purchase_id: UUID) -> Response:
        """Let a new claim open what this sale paid for. The sale stays as it is; twice is once."""
        asked = GiveAgainSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        wanted, known = asked.validated_data["purchase"], asked.validated_data["given"]
        made = again.give(self.me(request), purchase_id, wanted, known=known, now=timezone.now())
        ask_release(made.new_id)
        facts = {"purchase": made.new_id, "given": again.given(made.old_id)}
        return Response(GivenAgainSerializer(facts).data)


@require_safe
def shelf(request: HttpRequest) -> HttpResponse:
    """The purchases of this browser, under /library/. What they are never comes here as a whole."""
    request.META[CONNECT] = storage.origins()  # a licence is made from the file's head
    return shell(request, "library")


@require_safe
@gzip_page
def receipt(request: HttpRequest, purchase_id: UUID) -> HttpResponse:
    """A receipt to print. The claim behind the ``#`` decides who sees it, in the API."""
    return shell(request, "receipt", purchase_id=purchase_id)


@require_safe
def pay(request: HttpRequest, invoice_id: UUID) -> HttpResponse:
    """For a friend who pays: code, amount, time left, address, and nothing of what is bought."""
    get_object_or_404(Purchase, invoice_id=invoice_id)
    return shell(request, "pay", invoice_id=invoice_id)


def _sold(invoice_id: UUID) -> Purchase:
    """Raises PurchaseUnknown: an invoice that nobody was told of is nobody's to pay."""
    found = Purchase.objects.select_related("paid_file").filter(invoice_id=invoice_id).first()
    if found is None:
        raise PurchaseUnknown("There is no such payment.", hint="Check that the link is whole.")
    return found
