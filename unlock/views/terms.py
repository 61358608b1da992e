"""What a creator wants of their invoices. Everything about it is decided in ``payments.terms``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from payments import instant_offers, terms
from unlock.serializers.terms import TermsSerializer, TermsShownSerializer
from unlock.views.sessions import CreatorView

if TYPE_CHECKING:
    from rest_framework.request import Request

    from payments.terms import TermsView


class Terms(CreatorView):
    @extend_schema(responses=TermsShownSerializer)
    def get(self, request: Request) -> Response:
        """The terms in force; the defaults before the first change."""
        return _show(terms.of(self.me(request).id))

    @extend_schema(request=TermsSerializer(partial=True), responses=TermsShownSerializer)
    def patch(self, request: Request) -> Response:
        """Change any of them. Orders that are open keep the terms they were made under."""
        asked = TermsSerializer(data=request.data, partial=True)
        asked.is_valid(raise_exception=True)
        now, owner = timezone.now(), self.me(request).id
        return _show(terms.set_for(owner, now=now, **asked.validated_data))


def _show(view: TermsView) -> Response:
    shown = {**asdict(view), "instant_possible": instant_offers.is_possible()}
    return Response(TermsShownSerializer(shown).data)
