"""A devchain, a proxy that can lie in front of it, and the app connected to either."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import override_settings

from payments import connection
from tests.devchains import Devchain, devchain
from tests.proxies import Proxy

__all__ = ["devchain", "proxied", "proxy"]


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
