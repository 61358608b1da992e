"""The benchmark's own routes, in front of the product's: its page, a clock for the processor, a bare
multipart upload to compare with, and a place to post figures to.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from pathlib import Path

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.templatetags.static import static
from django.urls import include, path
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt, ensure_csrf_cookie

from tests.bench import BROWSER, CHAIN, FILMS, NOTES, processes
from tests.e2e.people import Devchain
from unlock import storage
from unlock.views.pages import CONNECT

FILM_PIECE = 8 * 2**20
PAGE = """<!doctype html>
<html lang="en">
  <head><meta charset="utf-8"><title>bench</title><script type="module" src="{}"></script></head>
  <body></body>
</html>
"""


@ensure_csrf_cookie
def page(request: HttpRequest, name: str) -> HttpResponse:
    request.META[CONNECT] = storage.origins()
    return HttpResponse(PAGE.format(static(f"tests/bench/page/{name}.js")))


@csrf_exempt
def mark(request: HttpRequest) -> HttpResponse:
    """Processor seconds so far: of the browser's whole process tree, and of the whole machine."""
    browser = int(Path(os.environ[BROWSER]).read_text(encoding="ascii"))
    return JsonResponse(
        {
            "browser_s": processes.tree_seconds(browser),
            "machine_s": processes.machine_seconds(),
            "at_s": time.monotonic(),
        }
    )


@csrf_exempt
def note(request: HttpRequest) -> HttpResponse:
    """One line of JSON for whoever runs the benchmark."""
    with Path(os.environ[NOTES]).open("a", encoding="utf-8") as notes:
        notes.write(json.dumps(json.loads(request.body)) + "\n")
    return HttpResponse(status=204)


@csrf_exempt
def plain(request: HttpRequest) -> HttpResponse:
    """Begins a multipart upload of any bytes and signs all its parts at once."""
    asked = json.loads(request.body)
    size, part = int(asked["size_bytes"]), int(asked["part_bytes"])
    store = storage.primary()
    key = f"bench/{uuid.uuid4().hex}"
    multipart_id = store.begin_multipart(key)
    urls = [
        store.sign_part(
            key,
            multipart_id,
            number=number,
            size_bytes=min(part, size - start),
            now=timezone.now(),
        ).url
        for number, start in enumerate(range(0, size, part), 1)
    ]
    return JsonResponse({"key": key, "multipart_id": multipart_id, "urls": urls})


@csrf_exempt
def forget(request: HttpRequest) -> HttpResponse:
    asked = json.loads(request.body)
    storage.primary().abort(asked["key"], asked["multipart_id"])
    return HttpResponse(status=204)


@csrf_exempt
def pay(request: HttpRequest) -> HttpResponse:
    """The devchain's wallet pays, and its miner mines."""
    chain = Devchain(int(os.environ[CHAIN]))
    chain.pay(json.loads(request.body)["uri"])
    chain.mine()
    return HttpResponse(status=204)


def film(request: HttpRequest, name: str) -> HttpResponse:
    """A piece of a film; an empty one behind its end."""
    with (Path(os.environ[FILMS]) / name).open("rb") as file:
        file.seek(int(request.GET["from"]))
        return HttpResponse(file.read(FILM_PIECE))


urlpatterns = [
    path("bench/mark", mark),
    path("bench/note", note),
    path("bench/plain", plain),
    path("bench/forget", forget),
    path("bench/pay", pay),
    path("bench/film/<str:name>", film),
    path("bench/page/<slug:name>", page),
    path("", include("kim.urls")),
]
handler400 = "kim.pages.bad_request"
handler403 = "kim.pages.forbidden"
handler404 = "kim.pages.not_found"
handler500 = "kim.pages.failed"
