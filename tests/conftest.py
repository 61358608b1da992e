"""Fixtures that more than one part of the suite uses. Each starts only if a test asks for it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from tests.stores import configured_store, seaweed, store, store_config

__all__ = ["configured_store", "seaweed", "store", "store_config", "uncounted"]


@pytest.fixture
def uncounted() -> Iterator[None]:
    """No call of another test counts towards a limit of this one, nor one of this towards theirs."""
    cache.clear()
    yield
    cache.clear()
