"""The end of an account, and everything of it to take along."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import logout
from django.utils import timezone
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from unlock import account_exports, closings, creators
from unlock.serializers.second_steps import ProofSerializer
from unlock.views.sales import streamed
from unlock.views.sessions import CreatorView

if TYPE_CHECKING:
    from django.http import StreamingHttpResponse
    from rest_framework.request import Request

    from unlock.models import Creator


class AccountClosing(CreatorView):
    throttle_scope = "login"

    @extend_schema(request=ProofSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        """With the password: close the account for good.

        Files stop selling, buyers are served for ever; 409 ``refunds_owed`` or ``money_moving``
        while something is open between the creator and buyers.
        """
        asked = ProofSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        creator, now, facts = self.me(request), timezone.now(), asked.validated_data
        creators.prove(creator, facts.get("derived"), facts.get("code", ""), now=now)
        closings.close(creator, now=now)
        logout(request)
        return Response(status=status.HTTP_204_NO_CONTENT)


class AccountExport(CreatorView):
    @extend_schema(responses={(200, "application/json"): OpenApiTypes.OBJECT})
    def get(self, request: Request) -> StreamingHttpResponse:
        """Everything of the account in one object (format kim-account-1, docs/account.md).

        Without links and keys: those are made in the creator's browser.
        """
        return export_of(self.me(request), request)


def export_of(creator: Creator, request: Request) -> StreamingHttpResponse:
    """All of an account, as one file to save."""
    now = timezone.now()
    chunks = account_exports.chunks(creator, now=now)
    name = f"kim-account-{now:%Y-%m-%d}.json"
    return streamed(request, chunks, kind="application/json", name=name)
