"""Rate limits, counted in Redis per client address. Without Redis they let through, and say so.

A limit protects the service; losing Redis must not close the shop (docs/architecture.md).
"""

from __future__ import annotations

import logging
from ipaddress import AddressValueError, IPv6Address
from typing import TYPE_CHECKING

from redis.exceptions import RedisError
from rest_framework.throttling import SimpleRateThrottle

if TYPE_CHECKING:  # rest_framework.views imports us by name while it loads
    from rest_framework.request import Request
    from rest_framework.views import APIView

log = logging.getLogger(__name__)


def client_of(address: str) -> str:
    """Whom a limit counts: an IPv4 address, or the /64 that one IPv6 client may roam in."""
    try:
        parsed = IPv6Address(address)
    except AddressValueError:
        return address
    return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))


class AddressThrottle(SimpleRateThrottle):
    """One bucket per scope and client address (``KIM_TRUSTED_PROXIES`` hops believed)."""

    def get_cache_key(self, request: Request, view: APIView) -> str | None:
        del view
        return f"throttle:{self.scope}:{client_of(self.get_ident(request))}"

    def allow_request(self, request: Request, view: APIView) -> bool:
        try:
            return super().allow_request(request, view)
        except RedisError as error:
            log.warning("rate limits are off: %s", type(error).__name__)
            return True


class AnyThrottle(AddressThrottle):
    scope = "any"


class LoginThrottle(AddressThrottle):
    """For the login of staff, which no DRF view stands behind; one bucket with the creators'."""

    scope = "login"


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
