"""What every template may use of the instance."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest


def instance(request: HttpRequest) -> dict[str, str]:
    del request
    return {
        "instance_name": settings.KIM_INSTANCE_NAME,
        "network": settings.KIM_NETWORK,
        "public_url": settings.KIM_PUBLIC_URL,
        "signup": settings.KIM_SIGNUP,
        "devchain_url": settings.KIM_DEVCHAIN_URL,
        "version": settings.KIM_VERSION,
    }
