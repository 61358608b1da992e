"""``manage.py check``: configuration mistakes become sentences before anything serves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, Warning, register  # noqa: A004
from django.db import DatabaseError, transaction


@register()
def instance_keys(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """A worker's private keys must contain the public key that deposits are sealed to."""
    del app_configs, kwargs
    try:
        ec.EllipticCurvePublicKey.from_encoded_point(
            ec.SECP256R1(), settings.KIM_INSTANCE_PUBLIC_KEY
        )
    except ValueError:
        return [Error("KIM_INSTANCE_PUBLIC_KEY is not a point of P-256.", id="kim.E001")]
    if not settings.KIM_INSTANCE_KEYS:
        return []  # the web process holds none, by design
    publics = {public_key(private) for private in settings.KIM_INSTANCE_KEYS}
    if settings.KIM_INSTANCE_PUBLIC_KEY not in publics:
        return [
            Error(
                "KIM_INSTANCE_KEYS does not contain the private half of KIM_INSTANCE_PUBLIC_KEY.",
                hint="Deposits could never be opened. Put the right key first in the list.",
                id="kim.E002",
            )
        ]
    return []


@register(Tags.database)
def field_keys(
    app_configs: Sequence[Any] | None, databases: Sequence[str] | None = None, **kwargs: Any
) -> list[CheckMessage]:
    """Asked before a migration, and by ``check --database default``."""
    del app_configs, kwargs
    from kim import keyring  # here: it needs the models

    if not databases:
        return []
    try:
        with transaction.atomic():
            lost = keyring.lost_field_key()
    except DatabaseError:  # there are no tables yet, or not those of this version
        return []
    if not lost:
        return []
    hint = (
        "Put the right key back; docs/operations.md, “A key is lost”, says what else can be done."
    )
    return [Error(lost, hint=hint, id="kim.E003")]


@register()
def chain_servers(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    del app_configs, kwargs
    if settings.KIM_ELECTRUM_SERVERS:
        return []
    return [
        Warning(
            "KIM_ELECTRUM_SERVERS is empty: payments cannot be seen.",
            hint="Name at least two servers of different operators (docs/operations.md).",
            id="kim.W001",
        )
    ]


@register(deploy=True)
def staff_doors(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    del app_configs, kwargs
    if settings.KIM_STAFF_TWO_FACTOR:
        return []
    return [
        Warning(
            "KIM_STAFF_TWO_FACTOR is off: a password alone opens the admin.",
            hint="Leave it on but for development; manage.py reset_second_step helps who is locked out.",
            id="kim.W005",
        )
    ]


@register()
def real_money(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """What play money may do without. Warnings: a network may be set up piece by piece."""
    del app_configs, kwargs
    if settings.KIM_NETWORK == "regtest":
        return []
    servers = settings.KIM_ELECTRUM_SERVERS
    operators = {each.operator or each.host for each in servers}
    wrong = (
        (
            not settings.KIM_PUBLIC_URL.startswith("https://"),
            "KIM_PUBLIC_URL is not https: keys and claims would cross the network in the open.",
            "Put a TLS proxy in front of the web process.",
            "kim.W002",
        ),
        (
            bool(servers) and len(operators) < 2,
            "All Electrum servers have one operator, who alone can hide payments.",
            "Name servers of two operators at least; tell them apart with operator=name.",
            "kim.W003",
        ),
        (
            settings.KIM_SIGNUP == "open"  # a shop of one or a few is right with it
            and str(settings.DATABASES["default"]["ENGINE"]).endswith("sqlite3"),
            "KIM_DATABASE_URL is SQLite, which lets one process write at a time.",
            "Use PostgreSQL where strangers sell.",
            "kim.W004",
        ),
    )
    return [Warning(text, hint=hint, id=code) for is_so, text, hint, code in wrong if is_so]


def public_key(private: bytes) -> bytes:
    """The uncompressed P-256 point (65 bytes) of a 32-byte big-endian private key."""
    key = ec.derive_private_key(int.from_bytes(private, "big"), ec.SECP256R1())
    return key.public_key().public_bytes(
        serialization.Encoding.X962, serialization.PublicFormat.UncompressedPoint
    )
