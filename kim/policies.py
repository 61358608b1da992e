"""What every answer tells browsers: the policy of its content, and where it may stand.

The policy starts from nothing: each source is listed with its reason. Tests check every value on every
route (tests/project/test_headers.py, tests/project/test_headers_exact.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.conf import settings

from unlock.views.pages import CONNECT

if TYPE_CHECKING:
    from collections.abc import Collection

    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

STAFF: Final = "/admin/"
# Names that Chromium knows: others would be a warning on each page.
PERMISSIONS: Final = ", ".join(
    (
        "clipboard-write=(self)",  # links are copied by a press
        "fullscreen=(self)",  # films
        "screen-wake-lock=(self)",  # while a file is on its way (static/js/pages/wake.js)
        *(
            f"{name}=()"
            for name in (
                "accelerometer", "browsing-topics", "camera", "clipboard-read", "display-capture",
                "encrypted-media", "gamepad", "geolocation", "gyroscope", "hid", "idle-detection",
                "keyboard-map", "local-fonts", "magnetometer", "microphone", "midi", "payment",
                "publickey-credentials-create", "publickey-credentials-get", "serial",
                "storage-access", "sync-xhr", "usb", "window-management",
                "xr-spatial-tracking",
            )
        ),
    )
)  # fmt: skip


def policy(path: str, hosts: Collection[str] = ()) -> str:
    """The Content-Security-Policy of a path. ``hosts`` are the only foreign ones, for bytes only:
    those a view named because its file's copies lie there, or its uploads go there.
    """
    lists = {
        "default-src": "'none'",
        "script-src": "'self'",  # our modules; no inline, no eval, no wasm
        "style-src": "'self'",
        "img-src": "'self' data: blob:",  # QR codes and covers made in the page
        "media-src": "'self' blob:",
        "connect-src": " ".join(("'self'", *sorted(hosts))),  # the API, and where the bytes lie
        "worker-src": "'self'",
        "frame-src": "'self'",  # the service worker's downloads under /x/
        "manifest-src": "'self'",
        "object-src": "'none'",
        "form-action": "'self'",
        "base-uri": "'none'",
        "frame-ancestors": "'none'",
    }
    if not path.startswith(STAFF):  # Django admin's own scripts assign markup
        lists["require-trusted-types-for"] = "'script'"
        lists["trusted-types"] = "kim-url"
    return "; ".join(f"{name} {value}" for name, value in lists.items())


def dress(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """The headers of every answer; what a view said of its own stays."""
    is_staff = request.path.startswith(STAFF)
    # Files carry their version in the address; that one is missing may be over in a moment.
    is_kept = request.path.startswith("/static/") and response.status_code < 400
    said = {
        "Content-Security-Policy": policy(request.path, request.META.get(CONNECT, ())),
        "Permissions-Policy": PERMISSIONS,
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Cross-Origin-Resource-Policy": "same-origin",
        "X-Frame-Options": "DENY",
        **({} if is_kept else {"Cache-Control": "no-store"}),
        **_transport(),
    }
    if is_staff:
        # Under no-referrer, browsers send a form's Origin as null, and the login is refused.
        response["Referrer-Policy"] = "same-origin"
    response.setdefault("Referrer-Policy", "no-referrer")
    for name, value in said.items():
        response.setdefault(name, value)
    return response


def _transport() -> dict[str, str]:
    """For an https instance on every answer: whoever reached it by the proxy has it, errors included."""
    seconds = settings.SECURE_HSTS_SECONDS
    if not seconds:
        return {}
    return {"Strict-Transport-Security": f"max-age={seconds}; includeSubDomains; preload"}
