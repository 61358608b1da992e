"""What every template may use of the instance."""

from __future__ import annotations

from django.conf import settings
from django.db import DatabaseError
from django.http import HttpRequest

from unlock import instances
from unlock.instances import Said


def instance(request: HttpRequest) -> dict[str, object]:
    del request
    said = _said()
    return {
        "instance_name": said.name,
        "has_imprint": bool(said.imprint or said.contact),
        "has_terms": bool(said.terms),
        "banner": said.banner,
        "is_closing": settings.KIM_WINDING_DOWN,
        "network": settings.KIM_NETWORK,
        "public_url": settings.KIM_PUBLIC_URL,
        "signup": settings.KIM_SIGNUP,
        "devchain_url": settings.KIM_DEVCHAIN_URL,
        "version": settings.KIM_VERSION,
    }


def _said() -> Said:
    """The page that tells of a database that is away is rendered without one."""
    try:
        return instances.said()
    except DatabaseError:
        return Said(name=settings.KIM_INSTANCE_NAME)
