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

from unlock import container, limits, notices, payout_changes, second_factors, tokens, vaults
from unlock.account_errors import AccountClosed, AccountSuspended, RecoveryFailed
from unlock.creator_errors import (
    LoginFailed,
    PasswordRequired,
    PasswordWrong,
    SignupClosed,
    UsernameTaken,
)
from unlock.models import ClosedAccount, Creator, Invitation, InvitationUse
from unlock.speech import mark
from unlock.states import NoticeKind

if TYPE_CHECKING:
    from datetime import datetime

    from unlock.vaults import Sealed

SALT_BYTES: Final = 16
DERIVED_BYTES: Final = 32
# The floor of docs/protocol.md; a second of work in a browser.
MEMORY_KIB: Final = 64 * 1024
PASSES: Final = 3
PARALLELISM: Final = 1
# How the proof follows from the password (docs/protocol.md, 3.6). Who has a vault has scheme 2.
FIRST_SCHEME: Final = 1
SCHEME: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class SignUp:
    """What a sign-up page sends. ``derived`` logs in from then on: it never shows in a repr."""

    username: str
    salt: bytes
    derived: bytes
    invitation: str = ""
    vault: Sealed | None = None

    def __repr__(self) -> str:
        return f"SignUp(username={self.username!r})"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPassword:
    """A password as its browser worked it out, and the vault sealed under it."""

    salt: bytes
    derived: bytes
    vault: Sealed | None = None

    def __repr__(self) -> str:
        return "NewPassword()"


def how_to_derive(username: str) -> tuple[bytes, int]:
    """Salt and scheme to derive with before a login; unknown names get a steady salt of their own.

    So nobody learns from here which names exist. Only an account without a vault, which is as old
    as scheme 1, answers otherwise than a name that nobody has.
    """
    name = username.strip().lower()
    rows = Creator.objects.filter(user__username=name).values_list("salt", "vault", "closed")
    known = rows.first()
    fake = _keyed("kim login salt", name)[:SALT_BYTES]
    if known is None:
        return fake, SCHEME
    salt, vault, closed = known
    return bytes(salt), SCHEME if vault or closed else FIRST_SCHEME


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
        if asked.vault is not None:
            vaults.keep(creator, asked.vault, now=now)
        if settings.KIM_SIGNUP == "invite":
            _use_invitation(asked.invitation, by=creator)
    return creator


@sensitive_variables()
def log_in(username: str, derived: bytes) -> Creator:
    """The creator these belong to. Raises what ``recognise`` does, and AccountSuspended."""
    creator = recognise(username, derived)
    if creator.suspended_at is not None:
        raise AccountSuspended("This account is suspended.")
    return creator


@sensitive_variables()
def recognise(username: str, derived: bytes) -> Creator:
    """Whose these are, suspended or not: no login yet. Raises LoginFailed, after the same work for
    every reason; and AccountClosed for whoever closed it.
    """
    name = username.strip().lower()
    creator = Creator.objects.select_related("user").filter(user__username=name).first()
    if creator is None:
        make_password(_as_text(derived))
        raise LoginFailed("The name or the password is wrong.")
    matches = creator.user.check_password(_as_text(derived))
    if matches and ClosedAccount.objects.filter(creator=creator).exists():
        raise AccountClosed("This account was closed.")
    if not matches or creator.user.is_staff or not creator.user.is_active:
        raise LoginFailed("The name or the password is wrong.")
    return creator


@sensitive_variables()
def check_password(creator: Creator, derived: bytes) -> None:
    """Raises PasswordWrong."""
    if not creator.user.check_password(_as_text(derived)):
        raise PasswordWrong("The password is wrong.")


@sensitive_variables()
def prove(creator: Creator, derived: bytes | None, code: str, *, now: datetime) -> None:
    """The password again, and a code where the second step is on: before anything that would help
    whoever found a browser signed in. Raises PasswordRequired, PasswordWrong, and what
    ``second_factors.check`` does.
    """
    if derived is None:
        raise PasswordRequired("This needs your password.")
    check_password(creator, derived)
    second_factors.check(creator, code, now=now)


@sensitive_variables()
def change_password(creator: Creator, *, derived: bytes, new: NewPassword, now: datetime) -> None:
    """Replace password, salt and vault together. Repeating the same change is no error.

    Raises PasswordWrong, VaultLeftBehind, VaultDiffers; nothing changed then. Every other session
    of the creator ends, as the hash it names is gone.
    """
    repeated = bytes(creator.salt) == new.salt and creator.user.check_password(
        _as_text(new.derived)
    )
    if repeated:
        return
    check_password(creator, derived)
    stored = make_password(_as_text(new.derived))
    with transaction.atomic():
        _lock_unchanged(creator)
        _replace_password(creator, stored=stored, new=new, now=now)


@sensitive_variables()
def save_vault(
    creator: Creator, vault: Sealed, *, derived: bytes, new_derived: bytes, now: datetime
) -> None:
    """Put a root into the vault, with the password: whoever puts one in may recover the account.

    The proof becomes ``new_derived`` (scheme 2, same salt). Raises PasswordWrong, VaultDiffers.
    Repeating is no error.
    """
    is_moved = creator.user.check_password(_as_text(new_derived))
    if not is_moved:
        check_password(creator, derived)
    stored = creator.user.password if is_moved else make_password(_as_text(new_derived))
    new = NewPassword(salt=bytes(creator.salt), derived=new_derived, vault=vault)
    with transaction.atomic():
        _lock_unchanged(creator)
        _replace_password(creator, stored=stored, new=new, now=now)


@sensitive_variables()
def recover(
    username: str,
    *,
    recovery: bytes,
    new_salt: bytes,
    new_derived: bytes,
    sealed_root: bytes,
    now: datetime,
) -> Creator:
    """A new password for whoever proves the root in the vault; the vault comes along.

    Raises RecoveryFailed, after the same work for every reason. Every session ends; the creator
    is told.
    """
    name = username.strip().lower()
    creator = Creator.objects.select_related("user").filter(user__username=name).first()
    is_proved = vaults.is_proved(creator, recovery)
    if creator is None or not is_proved or creator.suspended_at or not creator.user.is_active:
        raise RecoveryFailed("The name and the words do not belong together.")
    stored = make_password(_as_text(new_derived))
    vault = vaults.Sealed(
        sealed_root=sealed_root, recovery_hash=hashlib.sha256(recovery).hexdigest()
    )
    new = NewPassword(salt=new_salt, derived=new_derived, vault=vault)
    with transaction.atomic():
        _lock_unchanged(creator)
        _replace_password(creator, stored=stored, new=new, now=now)
        second_factors.drop(creator)
        payout_changes.stop(creator, now=now)
        tokens.end_all(creator, now=now)
        notices.tell(
            creator.id,
            NoticeKind.ACCOUNT_RECOVERED,
            topic=now.isoformat(),
            text=mark(
                "Your password was replaced with the words or key file of your key, and every"
                " other browser was signed out; the second step is off, and tokens for programs have"
                " ended. A change of payout that waited was stopped. If that was not you, somebody has your words."
            ),
            now=now,
        )
    return creator


def note_language(creator: Creator, language: str) -> None:
    """What they are written in from now on."""
    Creator.objects.filter(pk=creator.pk).update(language=language)


def suspend(creator: Creator, *, now: datetime) -> None:
    """Shut a creator out and take their files off sale; who bought keeps what they bought."""
    Creator.objects.filter(id=creator.id, suspended_at__isnull=True).update(suspended_at=now)


def reinstate(creator: Creator) -> None:
    """Not one that was closed: that was its creator's own word."""
    Creator.objects.filter(id=creator.id, closed=None).update(suspended_at=None)


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


def _lock_unchanged(creator: Creator) -> None:
    """Of two changes at a time the second one finds that its password is not the password.

    Raises PasswordWrong.
    """
    users = get_user_model().objects.select_for_update()
    if users.get(pk=creator.user.pk).password != creator.user.password:
        raise PasswordWrong("The password was changed a moment ago.")


def _replace_password(creator: Creator, *, stored: str, new: NewPassword, now: datetime) -> None:
    creator.user.password = stored
    creator.user.save(update_fields=["password"])
    creator.salt = new.salt
    creator.save(update_fields=["salt"])
    vaults.keep_along(creator, new.vault, now=now)


def _use_invitation(code: str, *, by: Creator) -> None:
    """A code lets in as many people as it says. Call it in the transaction that makes the creator."""
    rows = Invitation.objects.select_for_update().filter(code_hash=hash_invitation(code))
    row = rows.first() if code else None
    if row is None or row.uses.count() >= row.most:
        raise SignupClosed("The invitation is not known, or was used.")
    InvitationUse.objects.create(invitation=row, creator=by, created_at=by.created_at)
    Invitation.objects.filter(pk=row.pk, used_by=None).update(used_by=by)


def _keyed(purpose: str, text: str) -> bytes:
    key = f"{purpose}:{settings.SECRET_KEY}".encode()
    return hmac.digest(key, text.encode(), "sha256")


def _as_text(derived: bytes) -> str:
    return container.encode_b64url(derived)
