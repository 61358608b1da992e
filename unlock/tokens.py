"""Tokens: what a creator gives a program, so that it may act for them without their password.

256 random bits, told once; the row has their SHA-256, so finding one compares nothing secret. Scopes
say what it may do (``unlock.scopes``), and it ends by itself after a year at the latest.
"""

from __future__ import annotations

import hashlib
import secrets
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.db import transaction
from django.views.decorators.debug import sensitive_variables

from payments.words import Words
from unlock import limits, notices
from unlock.models import ApiToken, Creator
from unlock.states import NoticeKind
from unlock.token_errors import TokenExpired, TokenMissing, TokenUnknown, TooManyTokens

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from uuid import UUID

    from django.db.models import QuerySet

    from unlock.scopes import Scope

PREFIX: Final = "kim_"
TOKEN_BYTES: Final = 32
PER_CREATOR: Final = 20
DAYS_MAX: Final = 366
NAME_MAX: Final = 60
USED_EVERY: Final = timedelta(hours=1)  # so coarse is "last used": no diary of a program


@sensitive_variables()
def make(
    creator: Creator, *, name: str, scopes: Iterable[Scope], days: int, now: datetime
) -> tuple[ApiToken, str]:
    """A new token, told here and never again; the creator gets a notice. Raises TooManyTokens,
    TextInvalid, LinkSecretInText.
    """
    said = limits.clean_reference(name)
    token = PREFIX + secrets.token_urlsafe(TOKEN_BYTES)
    row = ApiToken(
        creator=creator,
        name=said,
        token_hash=_hash(token),
        scopes=sorted(scopes),
        created_at=now,
        expires_at=now + timedelta(days=days),
    )
    with transaction.atomic():
        Creator.objects.select_for_update().get(pk=creator.pk)
        if open_of(creator, now=now).count() >= PER_CREATOR:
            raise TooManyTokens("There are {per_creator} already.", per_creator=PER_CREATOR)
        row.save()
        notices.tell(
            creator.id,
            NoticeKind.ACCOUNT_CHANGED,
            topic=str(row.id),
            text=Words.of(
                "A token for programs was made: {name}. If that was not you, end it in your"
                " settings and change your password.",
                name=said,
            ),
            now=now,
        )
    return row, token


@sensitive_variables()
def find(token: str, *, now: datetime) -> ApiToken:
    """Raises TokenUnknown, TokenExpired. That it was used is noted to within an hour."""
    row = ApiToken.objects.select_related("creator__user").filter(token_hash=_hash(token)).first()
    if row is None or row.ended_at is not None or not _is_welcome(row.creator):
        raise TokenUnknown("This token is not known here.")
    if row.expires_at <= now:
        raise TokenExpired("This token has expired.")
    if row.used_at is None or now - row.used_at > USED_EVERY:
        ApiToken.objects.filter(pk=row.pk).update(used_at=now)
    return row


def open_of(creator: Creator, *, now: datetime) -> QuerySet[ApiToken]:
    """Those that work, the newest first."""
    rows = ApiToken.objects.filter(creator=creator, ended_at=None, expires_at__gt=now)
    return rows.order_by("-created_at", "pk")


def end(creator: Creator, token_id: UUID, *, now: datetime) -> None:
    """From now on it opens nothing. Ended already is no error. Raises TokenMissing."""
    mine = ApiToken.objects.filter(creator=creator, pk=token_id)
    if not mine.exists():
        raise TokenMissing("There is no such token.")
    mine.filter(ended_at=None).update(ended_at=now)


def end_all(creator: Creator, *, now: datetime) -> int:
    """How many were ended."""
    return ApiToken.objects.filter(creator=creator, ended_at=None).update(ended_at=now)


def _is_welcome(creator: Creator) -> bool:
    user = creator.user
    return creator.suspended_at is None and user.is_active and not user.is_staff


def _hash(token: str) -> str:
    """Tokens are random: a plain hash will do."""
    return hashlib.sha256(b"kim token" + token.encode(errors="replace")).hexdigest()
