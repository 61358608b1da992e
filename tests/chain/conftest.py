"""A devchain or a real node, a proxy that can lie, and the app connected to one of them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from django.test import override_settings

from payments import connection
from tests.chain.nodes import Peer, peer_of
from tests.devchains import Devchain, devchain
from tests.proxies import Proxy

__all__ = ["devchain", "peer", "proxied", "proxy"]


@pytest.fixture
def peer(tmp_path: Path) -> Iterator[Peer]:
    """A devchain, or the real node that the environment names; the app is connected to it."""
    for found in peer_of(tmp_path):
        with override_settings(KIM_ELECTRUM_SERVERS=(found.server,)):
            connection.close()
            yield found
            connection.close()


@pytest.fixture
def proxy(devchain: Devchain) -> Iterator[Proxy]:
    between = Proxy(devchain.electrum_port)
    yield between
    between.close()


@pytest.fixture
def proxied(devchain: Devchain, proxy: Proxy) -> Iterator[Devchain]:
    """A devchain that the app reaches through the proxy only."""
    with override_settings(KIM_ELECTRUM_SERVERS=(proxy.server,)):
        connection.close()
        yield devchain
        connection.close()
