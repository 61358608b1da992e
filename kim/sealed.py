"""Every column that holds something sealed to a key of the instance: what a change of keys must reach.

A column that is not named here is lost with the old key; tests/project/test_sealed.py looks for any
that was forgotten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from django.conf import settings

from payments import seals
from payments.models import Payout
from unlock import (
    at_rest,
    codes,
    container,
    keys,
    payout_changes,
    replays,
    reports,
    second_factors,
    staff_factors,
    vaults,
    versions,
    webhooks,
)
from unlock.models import (
    DiscountCode,
    KeptAnswer,
    PaidFile,
    PayoutChange,
    Report,
    SecondFactor,
    StaffFactor,
    Vault,
    Version,
    Webhook,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from django.db.models import QuerySet


@dataclass(frozen=True, slots=True)
class Column:
    """``renew`` takes a row and gives what shall stand in it; None if it is sealed to the newest.

    It raises ``InvalidTag`` or ``SecretUnusable`` where no key opens. ``beside``: rows it reads.
    """

    model: Any
    name: str
    renew: Callable[[Any], bytes | str | None]
    beside: tuple[str, ...] = ()
    empty: bytes | str = b""

    @property
    def label(self) -> str:
        return f"{self.model.__name__}.{self.name}"

    def rows(self) -> QuerySet[Any]:
        """Those that hold something, in a steady order."""
        some = self.model.objects.exclude(**{self.name: self.empty})
        found: QuerySet[Any] = some.exclude(**{f"{self.name}__isnull": True})
        return found.select_related(*self.beside).order_by("pk")


def _vault(row: Vault) -> bytes | None:
    return at_rest.renewed(bytes(row.sealed_root), bound=vaults.bound_to(row.creator_id))


def _second_factor(row: SecondFactor) -> bytes | None:
    bound = second_factors.bound_to(row.creator_id)
    return at_rest.renewed(bytes(row.sealed_seed), bound=bound)


def _staff_factor(row: StaffFactor) -> bytes | None:
    bound = staff_factors.bound_to(row.user_id)
    return at_rest.renewed(bytes(row.sealed_seed), bound=bound)


def _webhook(row: Webhook) -> bytes | None:
    return at_rest.renewed(bytes(row.sealed_secret), bound=webhooks.bound_to(row.id))


def _code(row: DiscountCode) -> bytes | None:
    return at_rest.renewed(bytes(row.sealed_code), bound=codes.bound_to(row.id))


def _payout_change(row: PayoutChange) -> str | None:
    sealed = container.decode_b64url(row.value)
    made = at_rest.renewed(sealed, bound=payout_changes.bound_to(row.id))
    return None if made is None else container.encode_b64url(made)


def _kept_answer(row: KeptAnswer) -> bytes | None:
    bound = replays.bound_to(row.creator_id, row.key_hash)
    return at_rest.renewed(bytes(row.sealed_body or b""), bound=bound)


def _report(row: Report) -> bytes | None:
    return at_rest.renewed(bytes(row.sealed_key), bound=reports.bound_to(row.id))


FIELD: Final = (
    Column(Payout, "sealed", seals.renewed),
    Column(Vault, "sealed_root", _vault),
    Column(SecondFactor, "sealed_seed", _second_factor),
    Column(StaffFactor, "sealed_seed", _staff_factor),
    Column(Webhook, "sealed_secret", _webhook),
    Column(DiscountCode, "sealed_code", _code),
    Column(PayoutChange, "value", _payout_change, empty=""),
    Column(Report, "sealed_key", _report),
    Column(KeptAnswer, "sealed_body", _kept_answer),
)


def deposits(private_keys: Sequence[bytes] | None = None) -> tuple[Column, ...]:
    """The columns sealed to the instance. Without keys of its own it takes the settings'."""
    ring = settings.KIM_INSTANCE_KEYS if private_keys is None else private_keys

    def of_file(row: PaidFile) -> bytes | None:
        return keys.renewed_deposit(row, private_keys=ring)

    def of_version(row: Version) -> bytes | None:
        return keys.renewed_deposit(versions.picture(row.paid_file, row), private_keys=ring)

    return (
        Column(PaidFile, "s_sealed", of_file, beside=("container",)),
        Column(Version, "s_sealed", of_version, beside=("container", "paid_file")),
    )
