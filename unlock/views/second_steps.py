"""The second step of a login: switched on with a code, off with password and code."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from unlock import creators, second_factors
from unlock.serializers.second_steps import (
    OfferedSerializer,
    SecondStepSerializer,
    SpareCodesSerializer,
    StepCodeSerializer,
    StepProofAndCodeSerializer,
    StepProofSerializer,
)
from unlock.views.sessions import CreatorView

if TYPE_CHECKING:
    from rest_framework.request import Request


class SecondStep(CreatorView):
    @property
    def throttle_scope(self) -> str | None:
        return None if self.request.method == "GET" else "login"

    @extend_schema(responses=SecondStepSerializer)
    def get(self, request: Request) -> Response:
        """Whether it is on, and how many spare codes are left."""
        creator = self.me(request)
        facts = {
            "is_on": second_factors.is_on(creator),
            "spare_left": second_factors.spare_left(creator),
        }
        return Response(SecondStepSerializer(facts).data)

    @extend_schema(request=StepProofSerializer, responses=OfferedSerializer)
    def post(self, request: Request) -> Response:
        """With the password: a new seed for the app. It counts once it is confirmed."""
        asked = StepProofSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        creator = self.me(request)
        creators.check_password(creator, asked.validated_data["derived"])
        offered = second_factors.offer(creator, now=timezone.now())
        return Response(OfferedSerializer(asdict(offered)).data)

    @extend_schema(request=StepCodeSerializer, responses=SpareCodesSerializer)
    def put(self, request: Request) -> Response:
        """A code of the app switches it on; the spare codes are told once."""
        asked = StepCodeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        code = asked.validated_data["code"]
        spare = second_factors.confirm(self.me(request), code, now=timezone.now())
        return Response(SpareCodesSerializer({"spare_codes": spare}).data)


class SecondStepRemoval(CreatorView):
    throttle_scope = "login"

    @extend_schema(request=StepProofAndCodeSerializer, responses={204: None})
    def post(self, request: Request) -> Response:
        """Switch it off, with the password and a code, a spare one too."""
        asked = StepProofAndCodeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        creator = self.me(request)
        creators.check_password(creator, asked.validated_data["derived"])
        second_factors.stop(creator, asked.validated_data["code"], now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)
