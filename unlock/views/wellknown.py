"""Who this instance is: the public halves of its keys, for licences, tickets and other readers.

And whom to tell of a hole, and what its scripts are.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Final

from django.conf import settings
from django.http import Http404, HttpResponse, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from unlock import container, static_files

if TYPE_CHECKING:
    from django.http import HttpRequest

_SAID_DAYS: Final = 180  # RFC 9116: less than a year ahead


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


@require_safe
def security(request: HttpRequest) -> HttpResponse:
    """GET /.well-known/security.txt (RFC 9116). Raises Http404 where nobody is named."""
    del request
    if not settings.KIM_SECURITY_CONTACT:
        raise Http404
    today = timezone.now().replace(hour=0, minute=0, second=0, microsecond=0)
    expires = today + timedelta(days=_SAID_DAYS)
    lines = (
        f"Contact: {settings.KIM_SECURITY_CONTACT}",
        f"Expires: {expires:%Y-%m-%dT%H:%M:%SZ}",
        "Preferred-Languages: en",
        f"Canonical: {settings.KIM_PUBLIC_URL}/.well-known/security.txt",
    )
    text = "".join(f"{line}\n" for line in lines)
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


@require_safe
def hashes(request: HttpRequest) -> JsonResponse:
    """GET /.well-known/kim-hashes.json: the SHA-256 of every file of ours as it is served.

    Readable by pages and extensions of any origin: whoever compares should not have to trust us.
    """
    del request
    facts = {
        "version": settings.KIM_VERSION,
        "static": settings.STATIC_URL,
        "algorithm": "sha256",
        "files": static_files.hashes(),
    }
    return JsonResponse(facts, headers={"Access-Control-Allow-Origin": "*"})
