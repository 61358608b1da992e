"""A buyer proves a purchase with ``Authorization: Claim <base64url of 32 bytes>``, on every call.
A creator's program that tries its own file carries its token there, and the claim as ``Kim-Claim``.

There is no session and no cookie here, hence nothing that a foreign page could make a browser send:
these views need no CSRF token. Only the claim's hash goes further than this module.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from django.contrib.auth.models import AnonymousUser
from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication

from unlock import container
from unlock.errors import ClaimMissing

if TYPE_CHECKING:
    from rest_framework.request import Request

CLAIM_BYTES = 32
_SCHEME = "claim"


def claim_hash_of(request: Request) -> bytes:
    """SHA-256 of the claim that the request carries. Raises ClaimMissing."""
    scheme, _, value = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer" and "Kim-Claim" in request.headers:
        scheme, value = _SCHEME, request.headers["Kim-Claim"]
    if scheme.lower() != _SCHEME:
        raise ClaimMissing("This call needs the claim of a purchase.")
    try:
        claim = container.decode_b64url(value.strip(), CLAIM_BYTES)
    except ValueError:
        # Not chained: the error's frames hold the claim.
        raise ClaimMissing("The claim is cut or mistyped.") from None
    return container.claim_hash(claim)


class ClaimAuthentication(BaseAuthentication):
    """A call without a claim ends here; nobody is signed in by one."""

    def authenticate(self, request: Request) -> tuple[AnonymousUser, bytes]:
        return AnonymousUser(), claim_hash_of(request)

    def authenticate_header(self, request: Request) -> str:
        del request
        return "Claim"


class ClaimScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]
    """How the schema tells it."""

    target_class = "unlock.views.claims.ClaimAuthentication"
    name = "claim"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        del auto_schema
        return {
            "type": "apiKey",
            "in": "header",
            "name": "Authorization",
            "description": "Claim <base64url of the purchase's 32-byte claim secret>",
        }
