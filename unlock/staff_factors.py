"""The second step of a staff login: without it nobody enters the admin (``KIM_STAFF_TWO_FACTOR``).

The same codes as a creator's (``one_time_codes``), in rows of their own. Who lost app and spare codes
is helped by a superuser or by the operator's command; both are written down.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.contrib.auth import get_user_model
from django.db import transaction

from unlock import at_rest, journal, one_time_codes
from unlock.account_errors import SecondStepOn, SecondStepRequired, SecondStepUnknown
from unlock.models import StaffFactor
from unlock.one_time_codes import Standing

if TYPE_CHECKING:
    from datetime import datetime

    from django.contrib.auth.models import User

    from unlock.one_time_codes import Offered


def is_on(user: User) -> bool:
    return _on(user) is not None


def spare_left(user: User) -> int:
    row = _on(user)
    return 0 if row is None else len(row.spare_hashes)


def mark_of(user: User) -> str:
    """What a session keeps that passed this very second step; "" while there is none. A reset makes
    the marks of all sessions worthless.
    """
    row = _on(user)
    return "" if row is None else f"{row.pk} {row.confirmed_at}"


def offer(user: User, *, now: datetime) -> Offered:
    """A new seed, which counts once a code of it is given back. Raises SecondStepOn."""
    secret = one_time_codes.new_secret()
    with transaction.atomic():
        _lock(user)
        if is_on(user):
            raise SecondStepOn("The second step is on already.")
        facts = {"sealed_seed": _seal(user.pk, secret), "last_step": 0, "created_at": now}
        StaffFactor.objects.update_or_create(user=user, defaults=facts)
    return one_time_codes.offer_of(secret, user.get_username())


def offered(user: User) -> Offered:
    """What was offered last and waits for its code. Raises SecondStepUnknown."""
    return one_time_codes.offer_of(_open(_waiting(user)), user.get_username())


def confirm(user: User, code: str, *, now: datetime) -> tuple[str, ...]:
    """Switch it on; the spare codes, told once. Raises SecondStepUnknown, -On, -Wrong, -Busy."""
    one_time_codes.count_guess(_guesses(user))
    with transaction.atomic():
        _lock(user)
        row = _waiting(user)
        row.last_step = one_time_codes.take_code(_open(row), code, row.last_step, now=now)
        spare = one_time_codes.new_spares()
        row.confirmed_at, row.spare_hashes = now, one_time_codes.hashes_of(spare)
        row.save(update_fields=["last_step", "confirmed_at", "spare_hashes"])
        journal.note(user, "second step on", who=user.get_username(), now=now)
    one_time_codes.forgive(_guesses(user))
    return spare


def check(user: User, code: str, *, now: datetime) -> None:
    """Raises SecondStepUnknown (there is none), SecondStepRequired, SecondStepWrong, SecondStepBusy."""
    if not code:
        raise SecondStepRequired("A code of your app is needed.")
    one_time_codes.count_guess(_guesses(user))
    with transaction.atomic():
        _lock(user)
        row = _on(user)
        if row is None:
            raise SecondStepUnknown("There is no second step yet.")
        had = Standing(row.last_step, tuple(row.spare_hashes))
        taken = one_time_codes.take(_open(row), code, had, now=now)
        row.last_step, row.spare_hashes = taken.last_step, list(taken.spare_hashes)
        row.save(update_fields=["last_step", "spare_hashes"])
    one_time_codes.forgive(_guesses(user))


def reset(user: User, *, by: str, reason: str, now: datetime) -> bool:
    """Forget it: the next login sets up a new one, and open sessions end. Whether there was one."""
    with transaction.atomic():
        _lock(user)
        is_gone = StaffFactor.objects.filter(user=user).delete()[0] > 0
        if is_gone:
            journal.note(user, "second step reset", who=by, reason=reason, now=now)
    one_time_codes.forgive(_guesses(user))
    return is_gone


def _on(user: User) -> StaffFactor | None:
    return StaffFactor.objects.filter(user=user, confirmed_at__isnull=False).first()


def _waiting(user: User) -> StaffFactor:
    row = StaffFactor.objects.filter(user=user).first()
    if row is None:
        raise SecondStepUnknown("There is nothing to confirm.")
    if row.confirmed_at is not None:
        raise SecondStepOn("The second step is on already.")
    return row


def _lock(user: User) -> None:
    get_user_model().objects.select_for_update().get(pk=user.pk)


def _guesses(user: User) -> str:
    return f"staff-second-step:{user.pk}"


def _seal(user_id: int, secret: str) -> bytes:
    return at_rest.seal(secret.encode(), bound=bound_to(user_id))


def _open(row: StaffFactor) -> str:
    return at_rest.unseal(bytes(row.sealed_seed), bound=bound_to(row.user_id)).decode()


def bound_to(user_id: int) -> bytes:
    return b"kim staff factor" + user_id.to_bytes(8, "big")
