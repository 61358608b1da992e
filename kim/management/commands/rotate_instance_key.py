"""``manage.py rotate_instance_key``: seal every deposited S to the newest key. In the releaser's
environment, which alone holds the private keys.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.core.management.base import CommandError

from kim import keyring, rotation, sealed
from kim.rotation_command import RotationCommand
from payments.errors import ServiceError
from unlock import keys
from unlock.sealing_keys import Kind

if TYPE_CHECKING:
    from kim.sealed import Column


class Command(RotationCommand):
    help = (
        "Seals every deposit to the first of KIM_INSTANCE_KEYS while all runs; the older keys"
        " stand behind it. May be stopped and started again."
    )
    kind = Kind.INSTANCE
    setting = "KIM_INSTANCE_KEYS"

    def columns(self) -> tuple[Column, ...]:
        return sealed.deposits(settings.KIM_INSTANCE_KEYS)

    def newest(self) -> str:
        return keyring.newest_instance()

    def refuse(self) -> None:
        try:
            keys.check_instance_keys(settings.KIM_INSTANCE_PUBLIC_KEY, settings.KIM_INSTANCE_KEYS)
        except ServiceError as error:
            raise CommandError(error.message) from error
        if keyring.instance_names()[0] != self.newest():
            raise CommandError(
                "The first of KIM_INSTANCE_KEYS is not the private half of KIM_INSTANCE_PUBLIC_KEY:"
                " put the newest key first, and publish it everywhere before you rotate."
            )

    def give_up_rows(self, lost: list[tuple[Column, Any]]) -> None:
        """Nobody buys such a file until its creator has deposited its key again."""
        rotation.clear(lost)
