"""The second step of a login: one-time codes of an app (RFC 6238), and spare codes on paper.

The seed is sealed at rest. No code counts twice, spare codes neither, and after ten wrong ones in an
hour none counts at all. It asks after the password, so who cannot give that cannot use it up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.db import transaction

from unlock import at_rest, notices, one_time_codes
from unlock.account_errors import SecondStepOn, SecondStepRequired, SecondStepUnknown
from unlock.models import Creator, SecondFactor
from unlock.one_time_codes import Standing
from unlock.speech import mark
from unlock.states import NoticeKind

if TYPE_CHECKING:
    from datetime import datetime
    from uuid import UUID

    from unlock.one_time_codes import Offered

_ON: Final = mark(
    "The second step of your login is on now. If that was not you, change your password at once."
)
_OFF: Final = mark(
    "The second step of your login is off now. If that was not you, change your password at once."
)


def is_on(creator: Creator) -> bool:
    return _on(creator) is not None


def spare_left(creator: Creator) -> int:
    row = _on(creator)
    return 0 if row is None else len(row.spare_hashes)


def offer(creator: Creator, *, now: datetime) -> Offered:
    """A new seed, which counts once a code of it is given back. Raises SecondStepOn."""
    secret = one_time_codes.new_secret()
    sealed = _seal(creator.id, secret)
    with transaction.atomic():
        _lock(creator)
        if is_on(creator):
            raise SecondStepOn("The second step is on already.")
        facts = {"sealed_seed": sealed, "last_step": 0, "spare_hashes": [], "created_at": now}
        SecondFactor.objects.update_or_create(creator=creator, defaults=facts)
    return one_time_codes.offer_of(secret, creator.user.get_username())


def confirm(creator: Creator, code: str, *, now: datetime) -> tuple[str, ...]:
    """Switch it on; the spare codes, told once. Raises SecondStepUnknown, -On, -Wrong, -Busy."""
    one_time_codes.count_guess(_guesses(creator))
    with transaction.atomic():
        _lock(creator)
        row = SecondFactor.objects.filter(creator=creator).first()
        if row is None:
            raise SecondStepUnknown("There is nothing to confirm.")
        if row.confirmed_at is not None:
            raise SecondStepOn("The second step is on already.")
        row.last_step = one_time_codes.take_code(_open(row), code, row.last_step, now=now)
        spare = one_time_codes.new_spares()
        row.confirmed_at, row.spare_hashes = now, one_time_codes.hashes_of(spare)
        row.save(update_fields=["last_step", "confirmed_at", "spare_hashes"])
        _tell(creator, _ON, now=now)
    one_time_codes.forgive(_guesses(creator))
    return spare


def check(creator: Creator, code: str, *, now: datetime) -> None:
    """Nothing where it is off. Raises SecondStepRequired, SecondStepWrong, SecondStepBusy."""
    if not is_on(creator):
        return
    if not code:
        raise SecondStepRequired("A code of your app is needed.")
    one_time_codes.count_guess(_guesses(creator))
    with transaction.atomic():
        _lock(creator)
        row = _on(creator)
        if row is not None:
            _take(row, code, now=now)
    one_time_codes.forgive(_guesses(creator))


def stop(creator: Creator, code: str, *, now: datetime) -> None:
    """Switch it off. Raises as ``check``; being off already is no error."""
    check(creator, code, now=now)
    with transaction.atomic():
        if drop(creator):
            _tell(creator, _OFF, now=now)


def drop(creator: Creator) -> bool:
    """Forget it, for whoever brought the words; whether there was one."""
    return SecondFactor.objects.filter(creator=creator).delete()[0] > 0


def _on(creator: Creator) -> SecondFactor | None:
    return SecondFactor.objects.filter(creator=creator, confirmed_at__isnull=False).first()


def _lock(creator: Creator) -> None:
    Creator.objects.select_for_update().get(pk=creator.pk)


def _take(row: SecondFactor, code: str, *, now: datetime) -> None:
    """A spare code or one of the app. The caller holds the lock. Raises SecondStepWrong."""
    had = Standing(row.last_step, tuple(row.spare_hashes))
    taken = one_time_codes.take(_open(row), code, had, now=now)
    row.last_step, row.spare_hashes = taken.last_step, list(taken.spare_hashes)
    row.save(update_fields=["last_step", "spare_hashes"])


def _guesses(creator: Creator) -> str:
    return f"second-step:{creator.pk}"


def _tell(creator: Creator, text: str, *, now: datetime) -> None:
    kind = NoticeKind.ACCOUNT_CHANGED
    notices.tell(creator.id, kind, topic=now.isoformat(), text=text, now=now)


def _seal(creator_id: UUID, secret: str) -> bytes:
    return at_rest.seal(secret.encode(), bound=bound_to(creator_id))


def _open(row: SecondFactor) -> str:
    return at_rest.unseal(bytes(row.sealed_seed), bound=bound_to(row.creator_id)).decode()


def bound_to(creator_id: UUID) -> bytes:
    return b"kim second factor" + creator_id.bytes
