"""Paid files: what creators make and change, and what anybody may see of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.db import transaction
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import status
from rest_framework.response import Response

from unlock import egress, files, keys, offers, paging, purchases, versions, visitors
from unlock.creator_errors import FileMissing, SelftestMissing
from unlock.models import PaidFile
from unlock.serializers.files import (
    DepositSerializer,
    FileChangeSerializer,
    FileInputSerializer,
    FileSerializer,
    FilesSerializer,
    OfferSerializer,
    PublicationSerializer,
    RangesSerializer,
    SelftestSerializer,
)
from unlock.serializers.paging import ManyInputSerializer
from unlock.serializers.purchases import OrderSerializer, PurchaseSerializer, shown
from unlock.states import FileState
from unlock.tasks.keys import ask_release
from unlock.views.claims import claim_hash_of
from unlock.views.sessions import AnyoneView, CreatorView

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from rest_framework.request import Request

    from unlock.models import Creator

_OWN_OR_PUBLIC = {
    "anyOf": [{"$ref": "#/components/schemas/File"}, {"$ref": "#/components/schemas/Offer"}]
}


class Files(CreatorView):
    @extend_schema(
        operation_id="files_list", parameters=[ManyInputSerializer], responses=FilesSerializer
    )
    def get(self, request: Request) -> Response:
        """The files of the creator, newest first."""
        asked = ManyInputSerializer(data=request.query_params)
        asked.is_valid(raise_exception=True)
        mine = PaidFile.objects.filter(creator=self.me(request))
        shown = mine.select_related(
            "creator__user", "container__upload__container", "pricing", "showcase"
        )
        found, after = paging.page(shown, **asked.validated_data)
        return Response(FilesSerializer({"files": found, "next": after}).data)

    @extend_schema(request=FileInputSerializer, responses={201: FileSerializer})
    def post(self, request: Request) -> Response:
        """A new draft."""
        asked = FileInputSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        made = files.create(self.me(request), asked.draft(), now=timezone.now())
        return Response(FileSerializer(files.find(made.id)).data, status=status.HTTP_201_CREATED)


class FileDetail(AnyoneView):
    @extend_schema(responses={(200, "application/json"): _OWN_OR_PUBLIC})
    def get(self, request: Request, file_id: UUID) -> Response:
        """The offer; for its creator with what only they may see. A draft is theirs alone."""
        paid_file = files.find(file_id)
        creator = self.creator(request)
        if creator is not None and paid_file.creator_id == creator.id:
            return Response(FileSerializer(paid_file).data)
        return Response(OfferSerializer(_public(paid_file)).data)

    @extend_schema(request=FileChangeSerializer, responses=FileSerializer)
    def patch(self, request: Request, file_id: UUID) -> Response:
        """Change text, price or content; pause, sell again, remove."""
        creator = self.me(request)
        asked = FileChangeSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        with transaction.atomic():  # a refused move takes the edit back
            files.edit(file_id, asked.draft(), creator=creator, now=timezone.now())
            _move(file_id, asked.validated_data.get("state"), creator=creator)
        return Response(FileSerializer(files.find(file_id)).data)

    @extend_schema(responses={204: None})
    def delete(self, request: Request, file_id: UUID) -> Response:
        """Forget a draft."""
        files.delete(file_id, creator=self.me(request), now=timezone.now())
        return Response(status=status.HTTP_204_NO_CONTENT)


class ContentDetail(AnyoneView):
    @extend_schema(responses=OfferSerializer)
    def get(self, _request: Request, content_id: str) -> Response:
        """The offer of a sealed file that somebody found, by the name of its content.

        Tells nothing that the offer's page does not; the link's secret is not known here.
        """
        return Response(OfferSerializer(files.find_by_content(content_id)).data)


class FileSecret(CreatorView):
    @extend_schema(request=DepositSerializer, responses={204: None})
    def put(self, request: Request, file_id: UUID) -> Response:
        """Deposit W, h_S and S; S is sealed before anything else is done with it."""
        asked = DepositSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        files.deposit(file_id, asked.deposit(), creator=self.me(request))
        return Response(status=status.HTTP_204_NO_CONTENT)


class FileSelftest(CreatorView):
    @extend_schema(request=OrderSerializer, responses={201: SelftestSerializer})
    def post(self, request: Request, file_id: UUID) -> Response:
        """A purchase of one's own file with a grant: the page then runs the buyer's path with it.

        Carries the session and, as a buyer does, the claim.
        """
        order, me = own_order(request, file_id), self.me(request)
        made = purchases.begin_selftest(order, creator_id=me.id, now=timezone.now())
        ask_release(made.id)
        return Response({"purchase": made.id}, status=status.HTTP_201_CREATED)


class FileProof(CreatorView):
    throttle_scope = "purchase"

    @extend_schema(request=OrderSerializer, responses={201: PurchaseSerializer})
    def post(self, request: Request, file_id: UUID) -> Response:
        """Buy one's own file at the payout's floor: proves address, file and link; no sale.

        Carries the session and, as a buyer does, the claim. 409 ``proof_open``: one waits already.
        """
        order, now = own_order(request, file_id), timezone.now()
        made = purchases.begin_proof(order, creator_id=self.me(request).id, now=now)
        standing = keys.standing_of(made.id, now=now)
        view = PurchaseSerializer(shown(standing, files.find(file_id), now=now))
        return Response(view.data, status=status.HTTP_201_CREATED)


class FilePublication(CreatorView):
    @extend_schema(request=PublicationSerializer, responses=FileSerializer)
    def post(self, request: Request, file_id: UUID) -> Response:
        """Put the file up for sale, after the buyer's path passed on this very content."""
        files.publish(
            file_id, creator=self.me(request), is_tested=tested_by(request), now=timezone.now()
        )
        return Response(FileSerializer(files.find(file_id)).data)


class FileRanges(AnyoneView):
    throttle_scope = "presign"

    @extend_schema(
        parameters=[
            OpenApiParameter("with", str, enum=["sample", "audit"]),
            OpenApiParameter("content_id", str),
        ],
        responses=RangesSerializer,
    )
    def get(self, request: Request, file_id: UUID) -> Response:
        """Signed GETs of exactly the header and the index: a link is checked before paying.

        ``with=sample`` or ``with=audit`` adds exactly the segments whose keys are public;
        ``content_id`` names an older version of the file.
        """
        paid_file = files.find(file_id)
        creator = self.creator(request)
        is_own = creator is not None and paid_file.creator_id == creator.id
        if not is_own:
            _public(paid_file)
        named = request.query_params.get("content_id", "")
        paid_file = versions.of_content(paid_file, named, is_own=is_own)
        shown = offers.shown_segments(paid_file, request.query_params.get("with", ""))
        signed, now = (
            offers.sign_ranges(paid_file, segments=shown, now=timezone.now()),
            timezone.now(),
        )
        if not is_own:
            egress.show(
                paid_file,
                visitor=visitors.of(request),
                core_bytes=signed.core_bytes,
                sample_bytes=signed.shown_bytes,
                now=now,
            )
        return Response(RangesSerializer(signed).data)


def tested_by(request: Request) -> Callable[[PaidFile], bool]:
    """What asks whether the self-test of this request passed on a file. Raises SelftestMissing if
    the page itself says that it did not.
    """
    asked = PublicationSerializer(data=request.data)
    asked.is_valid(raise_exception=True)
    if not asked.validated_data["passed"]:
        raise SelftestMissing("The test of the download did not pass.")
    selftest = asked.validated_data["selftest"]
    return lambda paid_file: purchases.passed_selftest(paid_file, selftest)


def own_order(request: Request, file_id: UUID) -> purchases.Order:
    """A creator's own: made with session and claim, and not counted by address."""
    asked = OrderSerializer(data=request.data)
    asked.is_valid(raise_exception=True)
    return purchases.Order(
        paid_file_id=file_id,
        buyer_key=asked.validated_data["buyer_key"],
        claim_hash=claim_hash_of(request),
        source="",
        note=asked.validated_data.get("note", b""),
    )


def _public(paid_file: PaidFile) -> PaidFile:
    """Raises FileMissing: to a stranger a draft is not there."""
    if paid_file.state == FileState.DRAFT:
        raise FileMissing("There is no such file.")
    return paid_file


def _move(file_id: UUID, state: str | None, *, creator: Creator) -> None:
    if state == FileState.PAUSED:
        files.pause(file_id, creator=creator)
    elif state == FileState.REMOVED:
        files.remove(file_id, creator=creator, now=timezone.now())
    elif state == FileState.PUBLISHED:
        files.resume(file_id, creator=creator, now=timezone.now())
