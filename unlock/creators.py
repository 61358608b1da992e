"""Creators: sign-up, the check behind a login, and a change of password.

A creator's browser stretches the password itself (Argon2id) and sends 32 derived bytes; we treat
those like a password and store Django's hash of them. So neither the password nor anything that
logs in lies in the database. Staff never pass here, and creators are never staff.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.hashers import make_password
from django.db import IntegrityError, transaction
from django.views.decorators.debug import sensitive_variables

from unlock import container, limits
from unlock.creator_errors import LoginFailed, PasswordWrong, SignupClosed, UsernameTaken
from unlock.models import Creator, Invitation

if TYPE_CHECKING:
    from datetime import datetime

SALT_BYTES: Final = 16
DERIVED_BYTES: Final = 32
# The floor of docs/protocol.md; a second of work in a browser.
MEMORY_KIB: Final = 64 * 1024
PASSES: Final = 3
PARALLELISM: Final = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp:
    """What a sign-up page sends. ``derived`` logs in from then on: it never shows in a repr."""

    username: str
    salt: bytes
    derived: bytes
    invitation: str = ""

    def __repr__(self) -> str:
        return f"SignUp(username={self.username!r})"


def salt_of(username: str) -> bytes:
    """The salt to derive with before a login; unknown names get a steady one of their own.

    So nobody learns from here which names exist.
    """
    name = username.strip().lower()
    known = Creator.objects.filter(user__username=name).values_list("salt", flat=True).first()
    fake = _keyed("kim login salt", name)[:SALT_BYTES]
    return fake if known is None else bytes(known)


@sensitive_variables()
def sign_up(asked: SignUp, *, now: datetime) -> Creator:
    """Make a creator.

    Raises UsernameInvalid, UsernameTaken, SignupClosed; nothing was made then, and an invitation
    stays unused.
    """
    name = limits.clean_username(asked.username)
    if settings.KIM_SIGNUP == "closed":
        raise SignupClosed("This site takes no new creators.")
    stored = make_password(_as_text(asked.derived))  # slow on purpose: before the transaction
    with transaction.atomic():
        creator = _create(name, stored=stored, salt=asked.salt, now=now)
        if settings.KIM_SIGNUP == "invite":
            _use_invitation(asked.invitation, by=creator)
    return creator


@sensitive_variables()
def log_in(username: str, derived: bytes) -> Creator:
    """The creator these belong to. Raises LoginFailed, after the same work for every reason."""
    name = username.strip().lower()
    creator = Creator.objects.select_related("user").filter(user__username=name).first()
    if creator is None:
        make_password(_as_text(derived))
        raise LoginFailed("The name or the password is wrong.")
    matches = creator.user.check_password(_as_text(derived))
    if not matches or creator.suspended_at or creator.user.is_staff or not creator.user.is_active:
        raise LoginFailed("The name or the password is wrong.")
    return creator


@sensitive_variables()
def check_password(creator: Creator, derived: bytes) -> None:
    """Raises PasswordWrong."""
    if not creator.user.check_password(_as_text(derived)):
        raise PasswordWrong("The password is wrong.")


@sensitive_variables()
def change_password(
    creator: Creator, *, derived: bytes, new_salt: bytes, new_derived: bytes
) -> None:
    """Replace password and salt together. Repeating the same change is no error.

    Raises PasswordWrong. Every other session of the creator ends, as the hash it names is gone.
    """
    repeated = bytes(creator.salt) == new_salt and creator.user.check_password(
        _as_text(new_derived)
    )
    if repeated:
        return
    check_password(creator, derived)
    stored = make_password(_as_text(new_derived))
    with transaction.atomic():
        creator.user.password = stored
        creator.user.save(update_fields=["password"])
        creator.salt = new_salt
        creator.save(update_fields=["salt"])


def suspend(creator: Creator, *, now: datetime) -> None:
    """Shut a creator out and take their files off sale; who bought keeps what they bought."""
    Creator.objects.filter(id=creator.id, suspended_at__isnull=True).update(suspended_at=now)


def reinstate(creator: Creator) -> None:
    Creator.objects.filter(id=creator.id).update(suspended_at=None)


def new_code() -> str:
    """A code for an invitation: told once, kept as a hash."""
    return secrets.token_urlsafe(16)


def hash_invitation(code: str) -> str:
    """How an invitation's code is stored. Codes are random, so a plain hash will do."""
    return hashlib.sha256(b"kim invitation" + code.strip().encode()).hexdigest()


def _create(name: str, *, stored: str, salt: bytes, now: datetime) -> Creator:
    try:
        with transaction.atomic():
            user = get_user_model().objects.create(
                username=name, password=stored, date_joined=now, is_staff=False, is_superuser=False
            )
    except IntegrityError as error:
        raise UsernameTaken("That name is taken.") from error
    return Creator.objects.create(user=user, salt=salt, created_at=now)


def _use_invitation(code: str, *, by: Creator) -> None:
    """A code lets in one person, once."""
    unused = Invitation.objects.filter(code_hash=hash_invitation(code), used_by__isnull=True)
    if not code or unused.update(used_by=by) != 1:
        raise SignupClosed("The invitation is not known, or was used.")


def _keyed(purpose: str, text: str) -> bytes:
    key = f"{purpose}:{settings.SECRET_KEY}".encode()
    return hmac.digest(key, text.encode(), "sha256")


def _as_text(derived: bytes) -> str:
    return container.encode_b64url(derived)
