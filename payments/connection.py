"""The one client of the chain in this process, made at its first use and never across a fork."""

from __future__ import annotations

import os
import threading
from typing import Final

from django.conf import settings

from payments.electrum import ElectrumChain
from payments.errors import ChainUnavailable
from payments.header_store import StoredHeaders
from payments.states import Network


class _Client:
    """The client and its headers; both start with the first question."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.headers: StoredHeaders | None = None
        self.chain: ElectrumChain | None = None


_CLIENT: Final = _Client()


def chain() -> ElectrumChain:
    """The chain, through all servers of ``KIM_ELECTRUM_SERVERS``. Raises ``ChainUnavailable``."""
    book = headers()
    with _CLIENT.lock:
        if _CLIENT.chain is None:
            if not settings.KIM_ELECTRUM_SERVERS:
                raise ChainUnavailable("KIM_ELECTRUM_SERVERS is empty.")
            _CLIENT.chain = ElectrumChain(
                settings.KIM_ELECTRUM_SERVERS,
                book,
                call_seconds=settings.KIM_ELECTRUM_TIMEOUT_SECONDS,
            )
        return _CLIENT.chain


def headers() -> StoredHeaders:
    """Our own header chain."""
    with _CLIENT.lock:
        if _CLIENT.headers is None:
            _CLIENT.headers = StoredHeaders(Network(settings.KIM_NETWORK))
        return _CLIENT.headers


def close() -> None:
    """Give up every connection; the next question makes new ones."""
    with _CLIENT.lock:
        client, _CLIENT.chain, _CLIENT.headers = _CLIENT.chain, None, None
    if client is not None:
        client.close()


def _forget() -> None:
    """In a forked child the loop's thread does not exist, and its sockets are the parent's."""
    _CLIENT.lock, _CLIENT.chain, _CLIENT.headers = threading.Lock(), None, None


os.register_at_fork(after_in_child=_forget)
