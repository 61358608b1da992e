"""Whom limits count: an address, as far as one person is behind it."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv6Address
from typing import TYPE_CHECKING

from rest_framework.throttling import BaseThrottle

if TYPE_CHECKING:
    from rest_framework.request import Request


def of(request: Request) -> str:
    """The client of a request (``KIM_TRUSTED_PROXIES`` hops are believed), as ``client_of`` has it."""
    return client_of(BaseThrottle().get_ident(request))


def client_of(address: str) -> str:
    """Whom a limit counts: an IPv4 address, or the /64 that one IPv6 client may roam in."""
    try:
        parsed = IPv6Address(address)
    except AddressValueError:
        return address
    return str(parsed.ipv4_mapped or IPv6Address(int(parsed) >> 64 << 64))
