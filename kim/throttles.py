"""Rate limits, counted in Redis per client address. Without Redis they let through, and say so.

A limit protects the service; losing Redis must not close the shop (docs/architecture.md). Every answer
of a limited call tells how it stands (``headers_of``), as draft-ietf-httpapi-ratelimit-headers-10 has it.
"""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from redis.exceptions import RedisError
from rest_framework.throttling import SimpleRateThrottle

from payments.errors import ServiceError
from unlock.visitors import client_of

if TYPE_CHECKING:  # rest_framework.views imports us by name while it loads
    from django.http import HttpRequest
    from rest_framework.request import Request
    from rest_framework.views import APIView

log = logging.getLogger(__name__)

_NOTED = "kim.rates"  # in request.META: what was counted for this request


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One limit after this request: ``left`` calls until ``reset_seconds`` have passed."""

    scope: str
    most: int
    window_seconds: int
    left: int
    reset_seconds: int


def headers_of(request: HttpRequest) -> dict[str, str]:
    """``RateLimit-Policy`` and ``RateLimit`` of everything that counted this request; maybe nothing."""
    noted: list[Standing] = request.META.get(_NOTED, [])
    if not noted:
        return {}
    policies = (f'"{each.scope}";q={each.most};w={each.window_seconds}' for each in noted)
    standings = (f'"{each.scope}";r={each.left};t={each.reset_seconds}' for each in noted)
    return {"RateLimit-Policy": ", ".join(policies), "RateLimit": ", ".join(standings)}


class AddressThrottle(SimpleRateThrottle):
    """One bucket per scope and client address (``KIM_TRUSTED_PROXIES`` hops believed)."""

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        del view
        return f"throttle:{self.scope}:{client_of(self.get_ident(request))}"

    def allow_request(self, request: Request, view: APIView) -> bool:
        try:
            is_allowed = super().allow_request(request, view)
        except RedisError as error:
            log.warning("rate limits are off: %s", type(error).__name__)
            return True
        if self.rate is not None:
            request.META.setdefault(_NOTED, []).append(self._standing())
        return is_allowed

    def _standing(self) -> Standing:
        """The oldest call that counts is the next to be forgotten."""
        most, window_seconds = self.parse_rate(self.rate)
        most, window_seconds = most or 0, window_seconds or 0
        oldest = self.history[-1] if self.history else self.now
        return Standing(
            scope=str(self.scope),
            most=most,
            window_seconds=window_seconds,
            left=max(0, most - len(self.history)),
            reset_seconds=max(0, math.ceil(oldest + window_seconds - self.now)),
        )


class AnyThrottle(AddressThrottle):
    scope = "any"


class LoginThrottle(AddressThrottle):
    """For the login of staff, which no DRF view stands behind; one bucket with the creators'."""

    scope = "login"


class TokenThrottle(AddressThrottle):
    """Counts tokens that are none: as many as wrong passwords, in a bucket of their own."""

    scope = "token"

    def get_rate(self) -> str | None:
        return self.THROTTLE_RATES["login"]

    def allow_request(self, request: Request, view: APIView) -> bool:
        return not isinstance(request.auth, ServiceError) or super().allow_request(request, view)


class ScopedThrottle(AddressThrottle):
    """Views that name a ``throttle_scope`` (signup, login, purchase, presign) get their own limit."""

    scope = "any"

    def __init__(self) -> None:
        """The rate is known only once the view is: see ``allow_request``."""

    def allow_request(self, request: Request, view: APIView) -> bool:
        scope = getattr(view, "throttle_scope", None)
        if scope is None:
            return True
        self.scope = scope
        self.rate = self.get_rate()
        self.num_requests, self.duration = self.parse_rate(self.rate)
        return super().allow_request(request, view)
