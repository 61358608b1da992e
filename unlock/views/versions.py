"""Replacing what a file sells, its link, and taking it away from everybody: for its creator."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.utils import timezone
from drf_spectacular.utils import extend_schema
from rest_framework import status
from rest_framework.response import Response

from unlock import audits, erasures, files, purchases, replacements, versions
from unlock.serializers.files import FileSerializer, PublicationSerializer, SelftestSerializer
from unlock.serializers.purchases import OrderSerializer
from unlock.serializers.showing import AuditInputSerializer, AuditSerializer, DrawnSerializer
from unlock.serializers.versions import ReplacementSerializer, StagedSerializer
from unlock.tasks.keys import ask_release
from unlock.views.files import own_order, tested_by
from unlock.views.sessions import CreatorView

if TYPE_CHECKING:
    from uuid import UUID

    from rest_framework.request import Request

    from unlock.models import PaidFile


class _Staging(CreatorView):
    def staged(self, request: Request, file_id: UUID) -> PaidFile:
        return versions.candidate(files.find(file_id, creator=self.me(request)))


class Replacement(_Staging):
    @extend_schema(request=ReplacementSerializer, responses=StagedSerializer)
    def put(self, request: Request, file_id: UUID) -> Response:
        """Keep what is to take this file's place: an upload, or the same content under a new link.

        What is on sale stays on sale. 409 ``link_moved``: read the file again, other keys are due.
        """
        asked = ReplacementSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        me, now = self.me(request), timezone.now()
        made = replacements.stage(file_id, asked.wanted(), creator=me, now=now)
        return Response(StagedSerializer(made).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, file_id: UUID) -> Response:
        """Forget it; its upload is cleared away a day later."""
        replacements.unstage(file_id, creator=self.me(request), now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class ReplacementAudit(_Staging):
    @extend_schema(request=None, responses=DrawnSerializer)
    def post(self, request: Request, file_id: UUID) -> Response:
        """The segments that are drawn for the content to come: the same each time."""
        audit, drawn = audits.draw(self.staged(request, file_id), now=timezone.now())
        return Response(DrawnSerializer({"nonce": audit.nonce, "segments": drawn}).data)

    @extend_schema(request=AuditInputSerializer, responses=AuditSerializer)
    def put(self, request: Request, file_id: UUID) -> Response:
        """Their keys; each segment is opened before this is answered."""
        asked = AuditInputSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        entries = asked.validated_data["entries"]
        kept = audits.keep(self.staged(request, file_id), entries=entries, now=timezone.now())
        return Response(AuditSerializer(kept).data)


class ReplacementSelftest(CreatorView):
    @extend_schema(request=OrderSerializer, responses={201: SelftestSerializer})
    def post(self, request: Request, file_id: UUID) -> Response:
        """A purchase of what is to come with a grant, as ``selftest`` of a draft."""
        order, me = own_order(request, file_id), self.me(request)
        made = purchases.begin_selftest(
            order, creator_id=me.id, is_replacement=True, now=timezone.now()
        )
        ask_release(made.id)
        return Response({"purchase": made.id}, status=status.HTTP_201_CREATED)


class ReplacementPublication(CreatorView):
    @extend_schema(request=PublicationSerializer, responses=FileSerializer)
    def post(self, request: Request, file_id: UUID) -> Response:
        """Put it in the place of what is on sale, after the buyer's path passed on it.

        Open orders stay orders of what they were made for. Repeating it is no error.
        """
        replacements.publish(
            file_id, creator=self.me(request), is_tested=tested_by(request), now=timezone.now()
        )
        return Response(FileSerializer(files.find(file_id)).data)


class Erasure(CreatorView):
    @extend_schema(request=None, responses=FileSerializer)
    def post(self, request: Request, file_id: UUID) -> Response:
        """Remove the file so that nobody can fetch it any more, not even who bought it.

        409 ``buyers_unpaid`` while somebody paid for it and was not paid back whole.
        """
        gone = erasures.erase(file_id, creator=self.me(request), now=timezone.now())
        return Response(FileSerializer(gone).data)
