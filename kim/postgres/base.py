"""The engine of ``KIM_DATABASE_URL=postgres://…``. Django loads it by its name.

Under ASGI every request has a thread of its own, and Django's connections belong to threads: each
request would connect anew, and PostgreSQL start a process for it. Here a connection is given to the
next request, by the thread that used it, once it is done with it and no transaction is open.
"""

from __future__ import annotations

import time
from typing import Any

from django.db.backends.postgresql import base
from psycopg import Connection, IsolationLevel

from kim.pools import CONNECTIONS


class DatabaseWrapper(base.DatabaseWrapper):
    """Closing gives back, connecting takes; both only where ``CONNECTIONS`` keeps any."""

    def connect(self) -> None:
        super().connect()
        if CONNECTIONS.most:
            self.close_at = time.monotonic()  # at the request's end, not a minute later

    def get_new_connection(self, conn_params: dict[str, Any]) -> Connection[Any]:
        kept = CONNECTIONS.take(self._place())
        if kept is not None:
            self.isolation_level = IsolationLevel.READ_COMMITTED  # as Django's own leaves it
            return kept
        made: Connection[Any] = super().get_new_connection(conn_params)
        return made

    def _close(self) -> None:
        is_fit = not (self.in_atomic_block or self.errors_occurred)
        if is_fit and CONNECTIONS.give_back(self._place(), self.connection):
            return
        super()._close()  # type: ignore[misc]

    def _place(self) -> tuple[object, ...]:
        """Where it leads and as whom: tests have several databases."""
        return tuple(self.settings_dict[name] for name in ("HOST", "PORT", "NAME", "USER"))
