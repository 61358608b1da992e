"""The one question payments answers over HTTP by itself: what is 1 BCH worth."""

from __future__ import annotations

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import APIView

from payments import rate_table
from payments.serializers import RatesSerializer


class RatesView(APIView):
    """The exchange rates in force."""

    authentication_classes = ()

    @extend_schema(operation_id="rates", responses=RatesSerializer)
    def get(self, request: Request) -> Response:
        del request
        now = timezone.now()
        found = rate_table.everything(now=now)
        rates = {
            currency: {
                "rate": rate_table.text_of(view.rate),
                "at": view.at,
                "age_seconds": max(int((now - view.at).total_seconds()), 0),
                "sources": view.sources,
                "via": view.via or None,
                "is_manual": view.is_manual,
                "label": view.label or None,
            }
            for currency, view in sorted(found.items())
        }
        return Response(RatesSerializer({"currencies": rates, "stale": not rates}).data)
