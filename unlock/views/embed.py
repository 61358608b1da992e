"""The one script that foreign pages may load: a buy button (docs/embed.md).

Its address carries a version, and what stands at a version never changes: pages name its hash.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from django.views.decorators.http import require_safe

from unlock import static_files

if TYPE_CHECKING:
    from django.http import HttpRequest
    from django.http.response import HttpResponseBase

SCRIPT: Final = "js/embed.js"
_YEAR_SECONDS: Final = 365 * 24 * 3600


@require_safe
def button(request: HttpRequest) -> HttpResponseBase:
    """/embed/1/button.js: for every origin, also under ``crossorigin`` with a hash, or isolated."""
    answer = static_files.answer(request, static_files.files()[SCRIPT])
    answer["Access-Control-Allow-Origin"] = "*"
    answer["Cross-Origin-Resource-Policy"] = "cross-origin"
    answer["Cache-Control"] = f"public, max-age={_YEAR_SECONDS}, immutable"
    answer["Content-Security-Policy"] = "default-src 'none'; frame-ancestors 'none'"
    return answer
