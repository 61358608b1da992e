"""What a token may do: for every call of a creator the scope it needs, by route and method.

A call that is not listed is closed to tokens. Closed on purpose (``None``) is all that could take an
account or its money over: payout, password, sessions, vault, second step, tokens, the address of
notices. Only whoever is signed in may do those.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from enum import StrEnum
from typing import Final

from unlock.token_errors import ScopeMissing, TokenRefused


class Scope(StrEnum):
    """``x:write`` includes ``x:read``."""

    FILES_READ = "files:read"
    FILES_WRITE = "files:write"
    UPLOADS_WRITE = "uploads:write"
    SALES_READ = "sales:read"
    SALES_WRITE = "sales:write"
    WEBHOOKS_READ = "webhooks:read"
    WEBHOOKS_WRITE = "webhooks:write"
    NOTICES_READ = "notices:read"
    NOTICES_WRITE = "notices:write"
    SETTINGS_READ = "settings:read"
    SETTINGS_WRITE = "settings:write"


ANY: Final = "any"  # every token may; the call tells nothing of a creator but their name

Methods = Mapping[str, "Scope | str | None"]


def _all(read: Scope, write: Scope, writes: str) -> Methods:
    """GET with ``read``, the methods in ``writes`` with ``write``."""
    return {"GET": read, **dict.fromkeys(writes.split(), write)}


def _never(methods: str) -> Methods:
    return dict.fromkeys(methods.split(), None)


_FILES = (Scope.FILES_READ, Scope.FILES_WRITE)
_SALES = (Scope.SALES_READ, Scope.SALES_WRITE)
_HOOKS = (Scope.WEBHOOKS_READ, Scope.WEBHOOKS_WRITE)
_SETTINGS = (Scope.SETTINGS_READ, Scope.SETTINGS_WRITE)

ROUTES: Final[Mapping[str, Methods]] = {
    "login-parameters": _never("POST"),
    "creators": _never("POST"),
    "session": {"GET": ANY, **_never("POST DELETE")},
    "password": _never("PUT"),
    "sessions": _never("GET DELETE"),
    "session-note": _never("DELETE"),
    "second-step": _never("GET POST PUT"),
    "second-step-removal": _never("POST"),
    "vault": _never("GET PUT"),
    "account-recoveries": _never("POST"),
    "account-closing": _never("POST"),
    "account-export": _never("GET"),
    "tokens": _never("GET POST"),
    "token": _never("DELETE"),
    "limits": {"GET": ANY},
    "payout-preview": _never("POST"),
    "payout-gap": _never("POST"),
    "payout-waiting": _never("DELETE"),
    "payout": _never("GET PUT"),
    "manual-rates": _all(*_SETTINGS, "PUT DELETE"),
    "terms": _all(*_SETTINGS, "PATCH"),
    "uploads": {"POST": Scope.UPLOADS_WRITE},
    "upload": _all(Scope.UPLOADS_WRITE, Scope.UPLOADS_WRITE, "DELETE"),
    "upload-parts": _all(Scope.UPLOADS_WRITE, Scope.UPLOADS_WRITE, "POST"),
    "upload-completion": {"POST": Scope.UPLOADS_WRITE},
    "api-files": _all(*_FILES, "POST"),
    "api-file": _all(*_FILES, "PATCH DELETE"),
    "content": {"GET": Scope.FILES_READ},
    "file-secret": {"PUT": Scope.FILES_WRITE},
    "deposits": _all(*_FILES, "PUT"),
    "file-selftest": {"POST": Scope.FILES_WRITE},
    "file-proof": {"POST": Scope.FILES_WRITE},
    "file-samples": _all(*_FILES, "PUT DELETE"),
    "file-audit": {"POST": Scope.FILES_WRITE, "PUT": Scope.FILES_WRITE},
    "file-cover": {"PUT": Scope.FILES_WRITE, "DELETE": Scope.FILES_WRITE},
    "file-publication": {"POST": Scope.FILES_WRITE},
    "file-replacement": {"PUT": Scope.FILES_WRITE, "DELETE": Scope.FILES_WRITE},
    "replacement-audit": {"POST": Scope.FILES_WRITE, "PUT": Scope.FILES_WRITE},
    "replacement-selftest": {"POST": Scope.FILES_WRITE},
    "replacement-publication": {"POST": Scope.FILES_WRITE},
    "file-erasure": {"POST": Scope.FILES_WRITE},
    "file-codes": _all(*_FILES, "POST"),
    "code": {"DELETE": Scope.FILES_WRITE},
    "file-copies": _all(*_FILES, "POST"),
    "file-copy": {"DELETE": Scope.FILES_WRITE},
    "file-ranges": {"GET": Scope.FILES_READ},
    "profile": _all(*_SETTINGS, "PUT"),
    "profile-avatar": {"PUT": Scope.SETTINGS_WRITE, "DELETE": Scope.SETTINGS_WRITE},
    "description-preview": {"POST": Scope.FILES_READ},
    "shop": _all(*_FILES, "PUT DELETE"),
    "dashboard": {"GET": Scope.SALES_READ},
    "asked-again": {"GET": Scope.SALES_READ},
    "sale-again": {"POST": Scope.SALES_WRITE},
    "sale-failures": _all(*_SALES, "POST"),
    "api-sales": {"GET": Scope.SALES_READ},
    "sales-summary": {"GET": Scope.SALES_READ},
    "sales-export": {"GET": Scope.SALES_READ},
    "tasks": {"GET": Scope.SALES_READ},
    "sale-acceptance": {"POST": Scope.SALES_WRITE},
    "sale-refund": {"POST": Scope.SALES_WRITE},
    "sale-refund-closing": {"POST": Scope.SALES_WRITE},
    "sale-evidence": {"GET": Scope.SALES_READ},
    "webhooks": _all(*_HOOKS, "POST"),
    "webhook": _all(*_HOOKS, "PATCH DELETE"),
    "webhook-test": {"POST": Scope.WEBHOOKS_WRITE},
    "deliveries": {"GET": Scope.WEBHOOKS_READ},
    "delivery": {"GET": Scope.WEBHOOKS_READ},
    "delivery-again": {"POST": Scope.WEBHOOKS_WRITE},
    "api-notices": {"GET": Scope.NOTICES_READ},
    "notices-read": {"POST": Scope.NOTICES_WRITE},
    # Who could mute notices, or send them elsewhere, would do that first.
    "notice-wishes": {"GET": Scope.NOTICES_READ, "PUT": None},
    "notice-email": _never("PUT"),
    "notice-email-removal": _never("POST"),
    "notice-email-code": _never("POST"),
    "decision-appeal": _never("POST"),
    "suspension-appeal": _never("POST"),
    "suspension-export": _never("GET"),
}

# Answers of these are never kept for an Idempotency-Key: the calls may be repeated as they are.
UNKEPT: Final = frozenset({"upload-parts", "description-preview"})

# Members of an answer that are told once and never kept.
TOLD_ONCE: Final[Mapping[str, tuple[str, ...]]] = {"webhooks": ("secret",)}


def needed(route: str, method: str) -> Scope | str | None:
    """The scope that this call needs; None where no token may."""
    return ROUTES.get(route, {}).get("GET" if method == "HEAD" else method)


def check(held: Collection[str], *, route: str, method: str) -> None:
    """Raises TokenRefused (no token may do this) and ScopeMissing (this one may not)."""
    if method == "OPTIONS":
        return
    scope = needed(route, method)
    if scope is None:
        raise TokenRefused("No token may do this.")
    if scope != ANY and scope not in expand(held):
        raise ScopeMissing("This token lacks {scope}.", scope=scope)


def expand(held: Collection[str]) -> set[str]:
    """With what a scope includes."""
    return {*held, *(scope.replace(":write", ":read") for scope in held)}


def is_kept(route: str, method: str) -> bool:
    """Whether an Idempotency-Key counts for this call."""
    return method == "POST" and route not in UNKEPT and needed(route, method) is not None
