"""Keys that creators deposit again, after the instance lost its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from unlock import deposits
from unlock.serializers.deposits import GivenListSerializer, WantedListSerializer
from unlock.views.sessions import CreatorView

if TYPE_CHECKING:
    from rest_framework.request import Request

    from unlock.models import Creator


class Deposits(CreatorView):
    @extend_schema(responses=WantedListSerializer)
    def get(self, request: Request) -> Response:
        """Files of the creator whose key the instance cannot open any more. Usually there are none."""
        return _wanted(self.me(request))

    @extend_schema(request=GivenListSerializer, responses=WantedListSerializer)
    def put(self, request: Request) -> Response:
        """Deposit S of several files again; each is checked against h_S. Answers what is still missing."""
        asked = GivenListSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        deposits.give(asked.given(), creator=self.me(request))
        return _wanted(self.me(request))


def _wanted(creator: Creator) -> Response:
    facts = {"deposits": deposits.wanted(creator), "left": deposits.count(creator)}
    return Response(WantedListSerializer(facts).data)
