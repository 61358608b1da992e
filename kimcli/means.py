"""What every command is given: a clock, a way to wait, and where it speaks.

Results go to stdout, so that a script may read them; everything else goes to stderr.
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass

from unlock.container.meter import Clock
from unlock.container.names import printable
from unlock.container.remote import Wait


@dataclass(frozen=True)
class Means:
    """``clock`` counts seconds, ``wait`` sleeps for some."""

    clock: Clock
    wait: Wait

    def say(self, line: str) -> None:
        """To the person; what came from a stranger cannot steer the terminal."""
        sys.stderr.write(printable(line) + "\n")
        sys.stderr.flush()

    def result(self, line: str) -> None:
        sys.stdout.write(printable(line) + "\n")
        sys.stdout.flush()


Said = Callable[[str], None]
