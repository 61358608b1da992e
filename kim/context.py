"""What every template may use of the instance."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest

from unlock import instances


def instance(request: HttpRequest) -> dict[str, object]:
    del request
    said = instances.said()
    return {
        "instance_name": said.name,
        "has_imprint": bool(said.imprint or said.contact),
        "has_terms": bool(said.terms),
        "network": settings.KIM_NETWORK,
        "public_url": settings.KIM_PUBLIC_URL,
        "signup": settings.KIM_SIGNUP,
        "devchain_url": settings.KIM_DEVCHAIN_URL,
        "version": settings.KIM_VERSION,
    }
