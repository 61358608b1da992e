"""Copies: where a creator's file lies, their own addresses, and what buyers' pages say of a copy."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response

from unlock import copies, files, locations, own_copies, versions
from unlock.serializers.copies import (
    ComplaintSerializer,
    CopiesSerializer,
    CopyInputSerializer,
    CopySerializer,
)
from unlock.tasks.copies import ask_copies
from unlock.views.purchases import BuyerView
from unlock.views.sessions import CreatorView

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request

    from unlock.models import PaidFile


class Copies(CreatorView):
    @property
    def throttle_scope(self) -> str | None:
        if self.request.method == "POST":
            return "purchase"
        return "presign" if "with" in self.request.query_params else None

    @extend_schema(
        operation_id="file_copies_list",
        parameters=[OpenApiParameter("with", str, enum=["address"])],
        responses=CopiesSerializer,
    )
    def get(self, request: Request, file_id: UUID) -> Response:
        """Every place where the file lies, with its state and when it was last read whole.

        ``with=address`` adds where the sealed bytes can be fetched, for an hour: to take them along.
        """
        paid_file = self.mine(request, file_id)
        places = own_copies.places(paid_file)
        if request.query_params.get("with") == "address":
            found = {
                each.copy: each.url for each in locations.of_own(paid_file, now=timezone.now())
            }
            places = [replace(each, address=found.get(each.id, "")) for each in places]
        return Response(CopiesSerializer({"copies": places}).data)

    @extend_schema(request=CopyInputSerializer, responses={201: CopySerializer})
    def post(self, request: Request, file_id: UUID) -> Response:
        """Add an address of one's own: looked at now, and used once every byte was compared."""
        paid_file = self.mine(request, file_id)
        asked = CopyInputSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        url = asked.validated_data["url"].strip()
        added = own_copies.add(paid_file, url, now=timezone.now())
        ask_copies()
        return Response(CopySerializer(added).data, status=status.HTTP_201_CREATED)

    def mine(self, request: Request, file_id: UUID) -> PaidFile:
        return files.find(file_id, creator=self.me(request))


class CopyDetail(CreatorView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request, file_id: UUID, copy_id: UUID) -> Response:
        """Forget an address of one's own; what lies there stays."""
        own_copies.remove(files.find(file_id, creator=self.me(request)), copy_id)
        return Response(status=status.HTTP_204_NO_CONTENT)


class Complaints(BuyerView):
    throttle_scope = "purchase"

    @extend_schema(request=ComplaintSerializer, responses={204: None})
    def post(self, request: Request, purchase_id: UUID) -> Response:
        """A copy served other bytes, and the page passed it over: it is re-hashed soon."""
        found = self.find(request, purchase_id)
        asked = ComplaintSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        copy_id, now = asked.validated_data["copy"], timezone.now()
        held = versions.containers_of(found)
        if any(copies.complain(copy_id, each, now=now) for each in held):
            ask_copies()
        return Response(status=status.HTTP_204_NO_CONTENT)
