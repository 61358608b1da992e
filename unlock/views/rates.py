"""A creator's own exchange rates, for times when nobody else's is valid."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from payments import rate_table
from unlock.serializers.rates import (
    ManualRateCurrencySerializer,
    ManualRateInputSerializer,
    ManualRateSerializer,
    ManualRatesSerializer,
)
from unlock.views.sessions import CreatorView

if TYPE_CHECKING:
    from rest_framework.request import Request

    from payments.rate_table import ManualView


class ManualRates(CreatorView):
    @extend_schema(operation_id="manual_rates", responses=ManualRatesSerializer)
    def get(self, request: Request) -> Response:
        """Those that are set, by currency."""
        kept = rate_table.manual_of(self.me(request).id)
        facts = {
            "rates": [_facts(each) for each in kept],
            "currencies": rate_table.currencies(),
        }
        return Response(ManualRatesSerializer(facts).data)

    @extend_schema(
        operation_id="manual_rate_set",
        request=ManualRateInputSerializer,
        responses=ManualRateSerializer,
    )
    def put(self, request: Request) -> Response:
        """Set the rate of one currency, or change it."""
        asked = ManualRateInputSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        kept = rate_table.set_manual(
            self.me(request).id,
            asked.validated_data["currency"],
            asked.validated_data["rate"],
            now=timezone.now(),
        )
        return Response(ManualRateSerializer(_facts(kept)).data)

    @extend_schema(
        operation_id="manual_rate_delete",
        parameters=[ManualRateCurrencySerializer],
        request=None,
        responses={204: None},
    )
    def delete(self, request: Request) -> Response:
        """Forget the rate of ``?currency=``. One that is not there is forgotten already."""
        asked = ManualRateCurrencySerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        rate_table.delete_manual(self.me(request).id, asked.validated_data["currency"])
        return Response(status=status.HTTP_204_NO_CONTENT)


def _facts(kept: ManualView) -> dict[str, object]:
    return {"currency": kept.currency, "rate": rate_table.text_of(kept.rate), "at": kept.at}
