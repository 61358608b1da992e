"""Pages of a list: ``cursor`` is the ``next`` of the page above, and "" at the end.

Rows are ordered by when they were made, the newest first. The cursor names the last row that was
shown, so what is made meanwhile moves nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from django.db.models import Model, Q

from unlock.creator_errors import CursorInvalid

if TYPE_CHECKING:
    from django.db.models import QuerySet

Row = TypeVar("Row", bound=Model)


def page(rows: QuerySet[Row], *, cursor: str, limit: int) -> tuple[list[Row], str]:
    """At most ``limit`` of ``rows``, which have ``created_at``, and the next cursor.

    Raises CursorInvalid: not of this list.
    """
    ordered = rows.order_by("-created_at", "-pk")
    if cursor:
        last = rows.filter(pk=_parse(cursor)).values_list("created_at", "pk").first()
        if last is None:
            raise CursorInvalid("This page of the list is not there.")
        at, pk = last
        ordered = ordered.filter(Q(created_at__lt=at) | Q(created_at=at, pk__lt=pk))
    found = list(ordered[: limit + 1])
    return found[:limit], str(found[limit - 1].pk) if len(found) > limit else ""


def _parse(cursor: str) -> UUID:
    try:
        return UUID(cursor)
    except ValueError as error:
        raise CursorInvalid("This page of the list is not there.") from error
