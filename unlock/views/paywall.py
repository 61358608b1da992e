"""A file's page for programs: asked for JSON, it answers 402 with the offer, in the manner of x402.

docs/api.md says where it differs: the address to pay belongs to a purchase, so the answer names
where to order instead of an address, under a scheme name of our own that no other client pays.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase, JsonResponse
from django.urls import reverse
from django.utils.cache import patch_vary_headers

from unlock import committed, offers, speech
from unlock.errors import NotForSale
from unlock.serializers.files import OfferSerializer
from unlock.speech import mark
from unlock.states import FileState

if TYPE_CHECKING:
    from uuid import UUID

    from unlock.models import PaidFile

X402_VERSION = 2
SCHEME = "kim-purchase"
_JSON = "application/json"

R = TypeVar("R", bound=HttpResponseBase)


def is_asked(request: HttpRequest) -> bool:
    """Whether JSON is wanted rather than a page; browsers and ``*/*`` want the page."""
    return request.get_preferred_type(["text/html", _JSON]) == _JSON


def vary(response: R) -> R:
    """Both answers say that there is another one."""
    patch_vary_headers(response, ["Accept"])
    return response


def answer(paid_file: PaidFile | None) -> JsonResponse:
    """402 with the offer; 404 for a draft and what is not there, 410 removed, 409 paused."""
    if paid_file is None or paid_file.state == FileState.DRAFT:
        return _refuse(404, "not_found", mark("There is no such file."), mark("Check the link."))
    if paid_file.state == FileState.REMOVED:
        hint = mark("If you bought it, your return link still opens it.")
        return _refuse(410, "removed", mark("This file was removed."), hint)
    if paid_file.state != FileState.PUBLISHED:
        return _refuse(
            409, NotForSale.code, mark("This file is not for sale now."), NotForSale.hint
        )
    return vary(JsonResponse(_asked(paid_file), status=402))


def _asked(paid_file: PaidFile) -> dict[str, Any]:
    offer: dict[str, Any] = dict(OfferSerializer(paid_file).data)
    extra = {
        "price": offer["price"],
        "offer": _url("api-file", paid_file.id),
        "purchases": _url("file-purchases", paid_file.id),
        "ranges": _url("file-ranges", paid_file.id),
        "confirmations": offer["confirmations"],
        "opens_instantly": offer["opens_instantly"],
    }
    estimate_sat = offer["price_sat_estimate"]
    requirement = {
        "scheme": SCHEME,
        "network": f"bch:{settings.KIM_NETWORK}",
        "asset": "BCH",
        "amount": None if estimate_sat is None else str(estimate_sat),
        "payTo": None,
        "maxTimeoutSeconds": 60 * settings.KIM_QUOTE_MINUTES,
        "extra": extra,
    }
    return {
        "x402Version": X402_VERSION,
        "error": {
            "code": "payment_required",
            "message": speech.say("This file is sold."),
            "hint": speech.say("POST to accepts[0].extra.purchases; docs/api.md shows how."),
        },
        "resource": {
            "url": _url("offer", paid_file.id),
            "description": offer["title"],
            "mimeType": "application/octet-stream",
        },
        "accepts": [requirement],
        "offer": offer,
        "sample_ranges": _sample_ranges(paid_file),
    }


def _sample_ranges(paid_file: PaidFile) -> list[list[int]]:
    """[offset, bytes] in the sealed object of what may be opened unpaid, neighbours together."""
    if paid_file.container is None:
        return []
    core = committed.core_of(paid_file.container)
    runs = committed.runs_of(offers.shown_segments(paid_file, "sample"))
    found = []
    for first, count in runs:
        start, last = core.segment_range(first), core.segment_range(first + count - 1)
        found.append([start.offset, last.offset + last.size_bytes - start.offset])
    return found


def _url(name: str, file_id: UUID) -> str:
    return f"{settings.KIM_PUBLIC_URL}{reverse(name, args=[file_id])}"


def _refuse(http_status: int, code: str, message: str, hint: str) -> JsonResponse:
    error = {"error": {"code": code, "message": speech.say(message), "hint": speech.say(hint)}}
    return vary(JsonResponse(error, status=http_status))
