"""Another hour for the code that looks at the chain."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo

import pytest

from payments import electrum, electrum_headers


def set_clock(monkeypatch: pytest.MonkeyPatch, *, ahead: timedelta) -> None:
    """From now on this machine's clock, as the client of the servers reads it, is so far ahead."""

    class Moved(datetime):
        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:  # type: ignore[override]
            return datetime.now(tz) + ahead

    monkeypatch.setattr(electrum, "datetime", Moved)
    monkeypatch.setattr(electrum_headers, "datetime", Moved)
