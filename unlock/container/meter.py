"""Progress on stderr: bytes done, rate and time left, on a terminal only."""

import sys
from collections.abc import Callable

Clock = Callable[[], float]
_EVERY_SECONDS = 0.2


class Meter:
    """Counts payload bytes; ``clock`` counts seconds. The rate is that of this run."""

    def __init__(self, total_bytes: int, clock: Clock) -> None:
        self._total_bytes = total_bytes
        self._clock = clock
        self._began = self._shown = clock()
        self._is_live = sys.stderr.isatty()
        self.added_bytes = 0
        self.skipped_bytes = 0

    @property
    def total_done_bytes(self) -> int:
        return self.added_bytes + self.skipped_bytes

    def add(self, size_bytes: int) -> None:
        self.added_bytes += size_bytes
        self._show()

    def skip(self, size_bytes: int) -> None:
        """Bytes that an earlier run left, read back and found right."""
        self.skipped_bytes += size_bytes
        self._show()

    def end(self) -> None:
        now = self._clock()
        seconds = max(now - self._began, 0.001)
        clear = "\r\x1b[K" if self._is_live else ""
        line = f"{self.added_bytes} bytes in {seconds:.1f} s, {self.added_bytes / seconds / 1e6:.0f} MB/s"
        if self.skipped_bytes:
            line += f"; {self.skipped_bytes} bytes were here already"
        sys.stderr.write(f"{clear}{line}\n")

    def _show(self) -> None:
        now = self._clock()
        if self._is_live and now - self._shown >= _EVERY_SECONDS:
            self._shown = now
            sys.stderr.write(f"\r{self._line(now)}\x1b[K")
            sys.stderr.flush()

    def _line(self, now: float) -> str:
        done_bytes = self.total_done_bytes
        share = 100 * done_bytes // max(self._total_bytes, 1)
        if not self.added_bytes:
            return f"{share} %  checking what is here already"
        rate = self.added_bytes / max(now - self._began, 0.001)
        left = max(0, self._total_bytes - done_bytes) / max(rate, 1)
        minutes, seconds = divmod(int(left), 60)
        return f"{share} %  {rate / 1e6:.0f} MB/s  {minutes}:{seconds:02} left"
