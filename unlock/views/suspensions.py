"""What a suspended creator still finds: why, what goes on without them, one appeal, and their data.

They are signed in as nobody. Their session holds a note instead, which these views alone read; it
ends after an hour, at the login's end, and with another password.
"""

from __future__ import annotations

import hmac
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.contrib.auth import logout
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.http import require_safe
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse, extend_schema
from rest_framework.response import Response

from unlock import account_sessions, duties, suspensions
from unlock.creator_errors import NotSignedIn
from unlock.duties import DutyKind
from unlock.models import Creator
from unlock.serializers.reports import SuspensionAppealSerializer, SuspensionSerializer
from unlock.views.closings import export_of
from unlock.views.pages import shell
from unlock.views.sessions import AnyoneView

if TYPE_CHECKING:
    from datetime import datetime

    from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
    from rest_framework.request import Request

HOLDS: Final = timedelta(hours=1)
_NOTE: Final = "kim.suspended"  # in the session: whose it is, what shows their password, until when


def let_in(request: Request, creator: Creator, *, now: datetime) -> None:
    """After password and second step: a session that opens this page and no other."""
    account_sessions.end_this(request.session.session_key, now=now)
    logout(request)
    suspensions.note_earlier(creator)
    until = int((now + HOLDS).timestamp())
    request.session[_NOTE] = [str(creator.pk), creator.user.get_session_auth_hash(), until]
    request.session.set_expiry(int(HOLDS.total_seconds()))


def suspended_of(request: HttpRequest | Request, *, now: datetime) -> Creator | None:
    """Whose page this is; also for the rest of the hour in which their suspension is lifted."""
    note = request.session.get(_NOTE)
    if not isinstance(note, list) or now.timestamp() >= note[2]:
        return None
    creator = Creator.objects.select_related("user").filter(pk=note[0], closed=None).first()
    if creator is None or creator.user.is_staff or not creator.user.is_active:
        return None
    is_theirs = hmac.compare_digest(creator.user.get_session_auth_hash(), note[1])
    return creator if is_theirs else None


@require_safe
@ensure_csrf_cookie
def page(request: HttpRequest) -> HttpResponse:
    """The statement of reasons (Art. 17 of Regulation (EU) 2022/2065), and the form to appeal."""
    now = timezone.now()
    creator = suspended_of(request, now=now)
    row = creator and suspensions.newest(creator)
    if creator is None or row is None:
        return redirect("login")
    owed = [each for each in duties.of(creator, now=now) if each.kind is DutyKind.REFUND]
    return shell(
        request, "suspended", account=str(creator), suspension=row, owed=owed,
        is_lifted=creator.suspended_at is None, appeal_max=suspensions.APPEAL_MAX,
    )  # fmt: skip


class SuspendedView(AnyoneView):
    def initial(self, request: Request, *args: object, **kwargs: object) -> None:
        # Before the body is looked at: a stranger learns nothing from how it is refused.
        super().initial(request, *args, **kwargs)
        self.mine(request)

    def mine(self, request: Request) -> Creator:
        """Raises NotSignedIn, for everybody but a suspended creator who has logged in."""
        creator = suspended_of(request, now=timezone.now())
        if creator is None or creator.suspended_at is None:
            raise NotSignedIn("You are not signed in.")
        return creator


class SuspensionAppeal(SuspendedView):
    throttle_scope = "report"

    @extend_schema(
        request=SuspensionAppealSerializer,
        responses={
            200: SuspensionSerializer,
            409: OpenApiResponse(description="`appeal_refused`"),
        },
    )
    def post(self, request: Request) -> Response:
        """A suspended creator appeals; once."""
        asked = SuspensionAppealSerializer(data=request.data)
        asked.is_valid(raise_exception=True)
        text = asked.validated_data["text"]
        made = suspensions.appeal(self.mine(request), text, now=timezone.now())
        return Response(SuspensionSerializer(made).data)


class SuspensionExport(SuspendedView):
    throttle_scope = "report"

    @extend_schema(responses={(200, "application/json"): OpenApiTypes.OBJECT})
    def get(self, request: Request) -> StreamingHttpResponse:
        """Everything of a suspended account, as ``account/export/`` has it (docs/account.md)."""
        return export_of(self.mine(request), request)
