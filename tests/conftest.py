"""Fixtures that more than one part of the suite uses. Each starts only if a test asks for it."""

from tests.stores import configured_store, seaweed, store, store_config

__all__ = ["configured_store", "seaweed", "store", "store_config"]
