"""Lists of the admin over tables that grow for years: nothing edited, searched by index, counted cheaply.

What looks like an id is searched by equality in the columns that hold ids, each of which has an index;
only other words are looked for inside texts. A list counts up to a bound and says so by its pages.
"""

from __future__ import annotations

import operator
import re
from functools import cached_property, reduce
from typing import TYPE_CHECKING, Any, Final
from uuid import UUID

from django.contrib import admin
from django.core.paginator import Paginator
from django.db import connection
from django.db.models import BinaryField, CharField, ForeignKey, Model, Q, UUIDField

from payments import finding

if TYPE_CHECKING:
    from collections.abc import Iterator

    from django.db.models import QuerySet
    from django.http import HttpRequest

    BaseAdmin = admin.ModelAdmin[Model]
    BasePaginator = Paginator[Model]
else:  # Django's classes take a parameter for the type checker only
    BaseAdmin, BasePaginator = admin.ModelAdmin, Paginator

COUNTED_MOST: Final = 50_000
ESTIMATED_FROM: Final = 10_000
_HEX: Final = re.compile(r"[0-9a-f]{64}")
_HASH_LENGTH: Final = 64
_WORDS_MOST: Final = 6


class BoundedPaginator(BasePaginator):
    """Counts ``COUNTED_MOST`` rows at most: whoever looks for more than that filters. Of a large table
    without any filter it takes PostgreSQL's own estimate, which reads nothing.
    """

    @cached_property
    def count(self) -> int:
        rows: Any = self.object_list
        if connection.vendor == "postgresql" and not rows.query.where:
            estimate = _estimate(rows.model._meta.db_table)  # noqa: SLF001 - Django's documented way
            if estimate > ESTIMATED_FROM:
                return estimate
        # Their order and their columns cost, and change no count.
        return int(rows.order_by().values("pk")[:COUNTED_MOST].count())


class ListAdmin(BaseAdmin):
    """Everything visible but the bytes, nothing changeable; see the module."""

    paginator = BoundedPaginator
    show_full_result_count = False
    show_facets = admin.ShowFacets.NEVER
    list_per_page = 50

    def has_add_permission(self, request: HttpRequest) -> bool:
        del request
        return False

    def has_change_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        del request, obj
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Model | None = None) -> bool:
        del request, obj
        return False

    def get_fields(self, request: HttpRequest, obj: Model | None = None) -> list[Any]:
        del request, obj
        # Bytes are keys, seals, salts, hashes and raw transactions: nothing to read, some secret.
        return [each.name for each in self.opts.fields if not isinstance(each, BinaryField)]

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Any], search_term: str
    ) -> tuple[QuerySet[Any], bool]:
        """Every word must be found. Ids by equality; other words inside the texts."""
        del request
        for word in search_term.replace("\0", " ").split()[:_WORDS_MOST]:
            tests = list(self._tests_of(word))
            if not tests:
                return queryset.none(), False
            queryset = queryset.filter(reduce(operator.or_, tests))
        is_searched = bool(search_term.split())
        return queryset, is_searched and any(self._is_many(path) for path in self.search_fields)

    def _tests_of(self, word: str) -> Iterator[Q]:
        key, low, script = _uuid_of(word), word.lower(), finding.script_of(word)
        is_id = key is not None or bool(script) or _HEX.fullmatch(low) is not None
        for path in self.search_fields:
            column = self._column(path)
            if isinstance(column, UUIDField):
                if key is not None:
                    yield Q(**{path: key})
            elif column.name == "script":
                if script:
                    yield Q(**{path: script})
            elif _is_hash(column):
                has_index = column.db_index or column.unique
                if has_index or _HEX.fullmatch(low):
                    yield Q(**{path: low if key is None else str(key)})
            elif not is_id:
                yield Q(**{f"{path}__icontains": word})

    def _column(self, path: str) -> Any:
        """The column at the end of ``invoice__address__script``."""
        model: Any = self.model
        column: Any = None
        for name in path.split("__"):
            column = model._meta.get_field(name)  # noqa: SLF001 - Django's documented way
            model = column.related_model
        while isinstance(column, ForeignKey):
            column = column.target_field
        return column

    def _is_many(self, path: str) -> bool:
        model: Any = self.model
        for name in path.split("__"):
            column = model._meta.get_field(name)  # noqa: SLF001 - Django's documented way
            if column.one_to_many or column.many_to_many:
                return True
            model = column.related_model
        return False


def _estimate(table: str) -> int:
    """Rows as of the last VACUUM or ANALYZE; -1 before the first."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT reltuples::bigint FROM pg_class WHERE oid = %s::regclass", [table])
        return int(cursor.fetchone()[0])


def _is_hash(column: Any) -> bool:
    """Hashes, transaction ids and what they name have 64 letters here."""
    return isinstance(column, CharField) and column.max_length == _HASH_LENGTH


def _uuid_of(word: str) -> UUID | None:
    try:
        return UUID(word)
    except ValueError:
        return None
