"""Who this instance is: the public halves of its keys, for licences, tickets and other readers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from django.conf import settings
from django.http import JsonResponse
from django.views.decorators.http import require_safe

from unlock import container

if TYPE_CHECKING:
    from django.http import HttpRequest


@require_safe
def instance(request: HttpRequest) -> JsonResponse:
    """GET /.well-known/kim.json."""
    del request
    signing_key = container.signing_public_key(settings.KIM_SIGNING_KEY)
    facts = {
        "instance": settings.KIM_PUBLIC_URL,
        "signing_key": container.encode_b64url(signing_key),
        "instance_key": container.encode_b64url(settings.KIM_INSTANCE_PUBLIC_KEY),
        "network": settings.KIM_NETWORK,
        "version": settings.KIM_VERSION,
    }
    # Licences are checked on pages of other origins too; nothing here is secret.
    return JsonResponse(facts, headers={"Access-Control-Allow-Origin": "*"})
