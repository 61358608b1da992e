"""The creator's dashboard in one call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework.response import Response

from unlock import dashboard
from unlock.serializers.dashboard import DashboardInputSerializer, DashboardSerializer
from unlock.views.sessions import CreatorView

if TYPE_CHECKING:
    from rest_framework.request import Request


class Dashboard(CreatorView):
    @extend_schema(parameters=[DashboardInputSerializer], responses=DashboardSerializer)
    def get(self, request: Request) -> Response:
        """What needs the creator, earnings by day, and files with what each brought in.

        Sales that settled and are still there, a creator's own proofs left out; ``worth`` is by the
        rates of the moment they came, as in the sales export.
        """
        asked = DashboardInputSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        zone, now = asked.validated_data["tz"], timezone.now()
        found = dashboard.of(self.me(request), asked.asked(), zone=zone, now=now)
        return Response(DashboardSerializer(found).data)
