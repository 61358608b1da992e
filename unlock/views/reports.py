"""Reporting a file, what became of it, and a creator's side of a decision.

Whoever reports needs no account and sends no cookie. What they are given opens the outcome page; it
stands in no list, and nothing there names who reported.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.http import Http404
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework import status
from rest_framework.response import Response
from rest_framework.views import APIView

from unlock import copies, moderation, reports, visitors
from unlock.models import PaidFile
from unlock.moderation_errors import ReportMissing
from unlock.serializers.reports import (
    AppealSerializer,
    MeasureSerializer,
    ReportInputSerializer,
    ReportMadeSerializer,
)
from unlock.states import FileState
from unlock.views.pages import CONNECT, creators_only, shell
from unlock.views.sessions import CreatorView, creator_of

if TYPE_CHECKING:
    from uuid import UUID

    from django.http import HttpRequest, HttpResponse
    from rest_framework.request import Request


@require_safe
@gzip_page
def report(request: HttpRequest, file_id: UUID) -> HttpResponse:
    """The form. A draft has none: it tells a stranger nothing, not even that it is there."""
    rows = PaidFile.objects.select_related("container").exclude(state=FileState.DRAFT)
    file = get_object_or_404(rows, pk=file_id)
    request.META[CONNECT] = copies.origins(file.container_id)
    # The title of what was removed is not said again.
    title = "" if file.state == FileState.REMOVED else file.title
    return shell(request, "report", file=file, title=title)


@require_safe
def outcome(request: HttpRequest, reference: str) -> HttpResponse:
    """What became of a report, for whoever has its reference."""
    try:
        found = reports.find(reference)
    except ReportMissing as error:
        raise Http404 from error
    return shell(request, "outcome", report=found)


@require_safe
@ensure_csrf_cookie
@creators_only
def decisions(request: HttpRequest) -> HttpResponse:
    """What was decided about the creator's files, each with its reasons and a form to appeal."""
    creator = creator_of(request)
    found = moderation.of_creator(creator) if creator else []
    return shell(request, "decisions", measures=found)


class FileReports(APIView):
    authentication_classes = ()
    throttle_scope = "report"

    @extend_schema(
        request=ReportInputSerializer,
        responses={
            201: ReportMadeSerializer,
            400: OpenApiResponse(description="`report_invalid`, `proof_wrong`"),
            429: OpenApiResponse(description="`reports_enough`"),
        },
    )
    def post(self, request: Request, file_id: UUID) -> Response:
        """Report a file, with or without one segment as a proof. Nobody needs an account."""
        asked = ReportInputSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        said = asked.said(source=visitors.of(request))
        made = reports.make(file_id, said, now=timezone.now())
        return Response(ReportMadeSerializer(made).data, status=status.HTTP_201_CREATED)


class DecisionAppeal(CreatorView):
    @extend_schema(request=AppealSerializer, responses=MeasureSerializer)
    def post(self, request: Request, measure_id: UUID) -> Response:
        """Appeal a decision about a file of one's own; once."""
        asked = AppealSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        text = asked.validated_data["text"]
        made = moderation.appeal(self.me(request), measure_id, text, now=timezone.now())
        return Response(MeasureSerializer(made).data)
