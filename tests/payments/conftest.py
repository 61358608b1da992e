"""The chain and the app's one connection to it, for every test of payments that asks."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.test import override_settings

from payments import connection
from tests.devchains import Devchain, devchain

__all__ = ["chain", "devchain"]


@pytest.fixture
def chain(devchain: Devchain) -> Iterator[Devchain]:
    """A devchain that the app is connected to."""
    with override_settings(KIM_ELECTRUM_SERVERS=(devchain.server,)):
        connection.close()
        yield devchain
        connection.close()
