"""What ``rotate_instance_key`` and ``rotate_field_key`` share: to tell how far it is, and the end."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from kim import rotation
from unlock import sealing_keys

if TYPE_CHECKING:
    from collections.abc import Sequence

    from kim.rotation import Progress
    from kim.sealed import Column
    from unlock.sealing_keys import Kind

_SHOWN_MOST = 20


class RotationCommand(BaseCommand, ABC):
    kind: ClassVar[Kind]
    setting: ClassVar[str]  # where old keys stand that may be dropped in the end

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--check", action="store_true", help="write nothing; count")
        parser.add_argument(
            "--give-up", metavar="FINGERPRINT", help="this key is lost for good: go on without it"
        )
        parser.add_argument("--batch", type=int, default=rotation.BATCH)

    @abstractmethod
    def columns(self) -> Sequence[Column]:
        """Where the sealed values stand."""

    @abstractmethod
    def newest(self) -> str:
        """The fingerprint of the key that everything shall be sealed to."""

    @abstractmethod
    def refuse(self) -> None:
        """Raises ``CommandError`` if a key is missing or is not where it should be."""

    def give_up_rows(self, lost: list[tuple[Column, Any]]) -> None:
        """What becomes of rows that no key opens any more."""

    def handle(self, *args: Any, **options: Any) -> None:
        del args
        if options["give_up"]:
            self._give_up(options["give_up"])
        self.refuse()
        if options["check"]:
            self._tell(
                rotation.look(self.columns(), batch=options["batch"]), "would be sealed anew"
            )
            return
        sealing_keys.note(self.kind, self.newest())
        last = self._run(options["batch"])
        if last is None or not last.is_settled:
            raise CommandError("Rows kept changing. Start it again: it goes on where it is.")
        self._end(last)

    def _run(self, batch: int) -> Progress | None:
        last, told_at = None, 0.0
        for last in rotation.run(self.columns(), batch=batch):
            if time.monotonic() - told_at >= 1 or last.done == last.total:
                told_at = time.monotonic()
                self._tell(last, "sealed anew")
        return last

    def _tell(self, far: Progress, what: str) -> None:
        self.stdout.write(
            f"pass {far.number}: {far.done} of {far.total}, {far.moved} {what}, {far.missed} changed"
            f" meanwhile, {len(far.lost)} open with no key; {far.rows_per_second:.0f} a second,"
            f" {far.left_seconds} s left"
        )

    def _end(self, last: Progress) -> None:
        for column, row in last.lost[:_SHOWN_MOST]:
            self.stderr.write(f"{column.label} of {row.pk} opens with no key.")
        if last.lost:
            raise CommandError(
                f"{len(last.lost)} values open with none of the keys; no key may be dropped. Put the"
                " missing key back, or see docs/operations.md, “A key is lost”."
            )
        dropped = sealing_keys.retire_others(self.kind, self.newest(), now=timezone.now())
        self.stdout.write(f"All of {last.total} are sealed to {self.newest()}.")
        for name in dropped:
            self.stdout.write(
                f"The key {name} may be taken out of {self.setting}. Keep it on paper for as long as"
                " you keep backups from before."
            )

    def _give_up(self, name: str) -> None:
        if not sealing_keys.give_up(self.kind, name, now=timezone.now()):
            raise CommandError(f"No key {name} is needed here.")
        lost = rotation.look(self.columns()).lost
        self.give_up_rows(lost)
        self.stdout.write(f"The key {name} is given up; {len(lost)} values open with no key.")
