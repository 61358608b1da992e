"""The stores, from the environment: ``KIM_STORES=main,second`` and a handful of variables for each.

``main`` is spelled ``KIM_S3_*``, as it was when there was one; ``second`` is ``KIM_STORE_SECOND_*``.
"""

from __future__ import annotations

import re

from kim import env
from kim.env import BadSetting, StoreConfig

_MAIN = "main"
_RESERVED = frozenset({"url"})  # the creators' own addresses are kept under this name
_FIELDS = (
    "ENDPOINT", "PUBLIC_ENDPOINT", "BUCKET", "REGION", "ACCESS_KEY", "SECRET_KEY", "PATH_STYLE",
    "READ_ONLY",
)  # fmt: skip
_PREFIX = "KIM_STORE_"
_LOCAL = "http://127.0.0.1:8020"


def read(name: str, *, main: tuple[str, ...]) -> tuple[StoreConfig, ...]:
    """Every store that ``name`` lists; ``main`` are the variables of the one of that name.

    Raises BadSetting for a name that is none, twice or reserved, for what a store lacks, and for a
    variable of a store that nobody listed.
    """
    names = env.words(name, _MAIN)
    if not names:
        raise BadSetting(f"{name} is empty; leave it out, or write main.")
    for store in names:
        if not re.fullmatch(r"[a-z][a-z0-9]{0,19}", store) or store in _RESERVED:
            raise BadSetting(
                f"{name}: '{store}' is no name; up to 20 letters a-z and digits, a letter first."
            )
    if len(set(names)) != len(names):
        raise BadSetting(f"{name} names a store twice.")
    stores = tuple(_store(store, main) for store in names)
    _refuse_strays(name, names)
    _refuse_twins(name, stores)
    if stores[0].is_read_only:
        raise BadSetting(f"{name}: the first store takes uploads and cannot be read-only.")
    return stores


def copies(name: str, stores: tuple[StoreConfig, ...]) -> int:
    """In how many stores each container shall lie: at most as many as can be written to."""
    wanted = env.integer(name, 1, least=1, most=99)
    there = sum(not store.is_read_only for store in stores)
    if wanted > there:
        raise BadSetting(f"{name} is {wanted}, but only {there} of KIM_STORES take files.")
    return wanted


def _store(name: str, main: tuple[str, ...]) -> StoreConfig:
    own = tuple(f"{_PREFIX}{name.upper()}_{field}" for field in _FIELDS)
    at, public, bucket, region, access_key, secret_key, path_style, read_only = (
        main if name == _MAIN else own
    )
    endpoint = env.web_address(at, _LOCAL if name == _MAIN else "", with_path=True)
    if not endpoint:
        raise BadSetting(f"{at} is not set: where is the store '{name}'?")
    return StoreConfig(
        name=name,
        endpoint=endpoint,
        public_endpoint=env.web_address(public, endpoint, with_path=True),
        bucket=env.text(bucket, "kim"),
        region=env.text(region, "us-east-1"),
        access_key=env.text(access_key),
        secret_key=env.text(secret_key),
        is_path_style=env.boolean(path_style, default=True),
        is_read_only=env.boolean(read_only, default=False),
    )


def _refuse_strays(name: str, names: tuple[str, ...]) -> None:
    """A store that is set up and not listed, or a mistyped variable, would be found out too late."""
    expected = {f"{_PREFIX}{store.upper()}_{field}" for store in names for field in _FIELDS}
    strays = env.beginning(_PREFIX) - expected
    if strays:
        raise BadSetting(f"{min(strays)} belongs to no store that {name} lists, or is mistyped.")


def _refuse_twins(name: str, stores: tuple[StoreConfig, ...]) -> None:
    """Two names for one bucket: its second copy would be the first."""
    seen: dict[tuple[str, str], str] = {}
    for store in stores:
        twin = seen.setdefault((store.endpoint, store.bucket), store.name)
        if twin != store.name:
            raise BadSetting(f"{name}: '{twin}' and '{store.name}' are the same bucket.")
