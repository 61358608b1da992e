"""Where a creator's money goes. Everything about addresses is decided in ``payments.payouts``."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from django.conf import settings
from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from payments import holdings, payouts
from unlock import creators, payout_changes
from unlock.serializers.accounts import (
    PayoutInputSerializer,
    PayoutPreviewSerializer,
    PayoutSerializer,
    PayoutValueSerializer,
)
from unlock.tasks import marks
from unlock.views.sessions import CreatorView

if TYPE_CHECKING:
    from rest_framework.request import Request

    from payments.payouts import PayoutView
    from unlock.models import Creator


class PayoutPreview(CreatorView):
    @extend_schema(request=PayoutValueSerializer, responses=PayoutPreviewSerializer)
    def post(self, request: Request) -> Response:
        """What a pasted value would mean; nothing is stored."""
        asked = PayoutValueSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        return Response(PayoutPreviewSerializer(payouts.inspect(**asked.validated_data)).data)


class Payout(CreatorView):
    @property
    def throttle_scope(self) -> str | None:
        # A change asks for the password, so this is a place to guess it.
        return "login" if self.request.method == "PUT" else None

    @extend_schema(responses=PayoutSerializer)
    def get(self, request: Request) -> Response:
        """The payout in force, with the recovery kits of all; only ``suggested`` before the first."""
        creator = self.me(request)
        return _show(payouts.current(creator.id), creator)

    @extend_schema(request=PayoutInputSerializer, responses=PayoutSerializer)
    def put(self, request: Request) -> Response:
        """Set it; a change needs the password again. Open invoices keep theirs.

        Once a file was published a change waits: the answer is the payout in force, with ``waiting``.
        """
        asked = PayoutInputSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        creator, now = self.me(request), timezone.now()
        facts = asked.validated_data
        value = facts["value"].strip()
        if _is_change(creator, value):
            creators.prove(creator, facts.get("derived"), facts.get("code", ""), now=now)
            if payout_changes.must_wait(creator):
                payout_changes.ask(creator, value, now=now)
                return _show(payouts.current(creator.id), creator)
        payout = payouts.set_current(creator.id, value, now=now)
        marks.ask_marks()
        return _show(payout, creator)


class PayoutWaiting(CreatorView):
    @extend_schema(responses={204: None})
    def delete(self, request: Request) -> Response:
        """Stop the change that waits. None that waits is no error."""
        payout_changes.stop(self.me(request), now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class PayoutGap(CreatorView):
    @extend_schema(request=None, responses=PayoutSerializer)
    def post(self, request: Request) -> Response:
        """The creator compared: the wallet shows every address that was handed out."""
        creator = self.me(request)
        payouts.confirm_gap(creator.id, now=timezone.now())
        return _show(payouts.current(creator.id), creator)


def _is_change(creator: Creator, value: str) -> bool:
    """Not the first, and not the same address again.

    An xpub is shown shortened, and two can be made to look alike: that is always a change.
    """
    kept = payouts.current(creator.id)
    asked = payouts.inspect(value)
    is_same = kept is not None and kept.kind == asked.kind == "address"
    return kept is not None and not (is_same and kept.shown == asked.shown)


def _show(payout: PayoutView | None, creator: Creator) -> Response:
    facts: dict[str, object] = {"suggested": settings.KIM_SUGGESTED_PAYOUT or None}
    if payout is not None:
        names = ("id", "kind", "shown", "network", "floor_sat", "recovery")
        facts.update({name: getattr(payout, name) for name in names})
        # Buyers may still pay to an address of an earlier payout: no kit is ever out of date.
        facts["recoveries"] = payouts.recoveries(creator.id)
        facts["gap"] = next(iter(payouts.gaps(creator.id)), None)
        facts.update(asdict(holdings.of(creator.id)))
    waiting = payout_changes.waiting(creator)
    if waiting is not None:
        facts["waiting"] = asdict(waiting)
    return Response(PayoutSerializer(facts).data)
