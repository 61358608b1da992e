"""Calls that are going to go: announced in CHANGELOG.md, and in every answer for at least a year.

``Deprecation`` is RFC 9745, ``Sunset`` RFC 8594, and ``Link`` names the page that says what to call
instead. Nothing is deprecated now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Final

NOTICE: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Going:
    """A route that is deprecated since ``since`` and answers until ``until``, both aware UTC.

    Raises ValueError for less than a year of notice.
    """

    since: datetime
    until: datetime
    page: str  # https://…, what to do instead

    def __post_init__(self) -> None:
        if self.until - self.since < NOTICE:
            raise ValueError("Who uses a call is given a year to leave it.")


# By the route's name, which is the same for all of its methods.
ROUTES: Final[Mapping[str, Going]] = {}


def headers_of(route: str | None) -> dict[str, str]:
    going = ROUTES.get(route or "")
    if going is None:
        return {}
    return {
        "Deprecation": f"@{int(going.since.timestamp())}",
        "Sunset": format_datetime(going.until, usegmt=True),
        "Link": f'<{going.page}>; rel="deprecation"; type="text/html"',
    }
