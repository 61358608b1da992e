"""Django's sessions in the database, each under a hash of its key: who reads the table is signed in as nobody.

The cookie holds the key (165 random bits); of its SHA-256 the table holds 160 bits. Rows from before are found no
more: whoever was signed in then signs in once again.
"""

from __future__ import annotations

import hashlib
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import SessionBase
from django.utils import timezone

_HEX_DIGITS = 40  # as long as Django's column


def kept(key: str) -> str:
    """What stands in the table for this key."""
    return hashlib.sha256(b"kim session " + key.encode()).hexdigest()[:_HEX_DIGITS]


class SessionStore(db.SessionStore):
    def exists(self, session_key: str) -> bool:
        return super().exists(kept(session_key))

    def create_model_instance(self, data: dict[str, Any]) -> Any:
        row = super().create_model_instance(data)
        row.session_key = kept(row.session_key)
        return row

    def delete(self, session_key: str | None = None) -> None:
        key = session_key or self.session_key
        if key:
            super().delete(kept(key))

    def _get_session_from_db(self) -> Any:
        rows = self.model.objects.filter(expire_date__gt=timezone.now())
        row = rows.filter(session_key=kept(self.session_key or "")).first()
        if row is None:
            self._session_key = None
        return row

    # Asynchronous views go through the same four.
    aexists = SessionBase.aexists
    acreate = SessionBase.acreate
    aload = SessionBase.aload
    asave = SessionBase.asave
    adelete = SessionBase.adelete
