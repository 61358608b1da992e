"""``manage.py rotate_field_key``: seal to KIM_FIELD_KEY what an older key sealed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.core.management.base import CommandError

from kim import keyring, sealed
from kim.rotation_command import RotationCommand
from unlock.sealing_keys import Kind

if TYPE_CHECKING:
    from kim.sealed import Column


class Command(RotationCommand):
    help = (
        "Seals payouts, vaults, second steps, webhooks and codes to KIM_FIELD_KEY while all runs."
        " KIM_FIELD_KEYS_MORE holds the older keys. May be stopped and started again."
    )
    kind = Kind.FIELD
    setting = "KIM_FIELD_KEYS_MORE"

    def columns(self) -> tuple[Column, ...]:
        return sealed.FIELD

    def newest(self) -> str:
        return keyring.newest_field()

    def refuse(self) -> None:
        if lost := keyring.lost_field_key():
            raise CommandError(lost)
