"""What the ASGI server runs: ``uvicorn kim.asgi:application``."""

from __future__ import annotations

import io
import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import django
from asgiref.sync import sync_to_async
from django.core.handlers.asgi import ASGIHandler, ASGIRequest
from django.http import HttpResponse

from kim import pools, statics

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kim.settings")

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

pools.CONNECTIONS.most = pools.KEPT  # here threads end with their requests


class _Handler(ASGIHandler):
    """Django's, with middleware and view in one go in the request's thread.

    As Django builds it, the thread goes back to the event loop between the two, for every request
    and only to be sent on again: views here are synchronous, but for the live one.
    """

    def load_middleware(self, is_async: bool = False) -> None:  # noqa: FBT001, FBT002
        del is_async
        super().load_middleware(is_async=False)
        chain: Any = self._middleware_chain  # type: ignore[has-type]
        self._middleware_chain = sync_to_async(chain, thread_sensitive=True)


django.setup(set_prefix=False)
_django = _Handler()
# Django writes a whole body to the disk before it looks at it; what grows beyond this ends here.
_MOST_BYTES = 1024 * 1024
_REFUSAL = (
    b'{"error":{"code":"too_large","message":"The request is too large.",'
    b'"hint":"Files never pass through this server."}}'
)


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Django, but for bodies beyond a megabyte (``kim.middleware.small`` refuses from 256 KiB on),
    and for static files, which need no thread.
    """
    if scope["type"] == "lifespan":
        await _live(receive, send)
        return
    if (found := statics.at_once(scope)) is not None:
        await _say(found, send)
        return
    taken = 0

    async def take() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return {"type": "http.disconnect"} if taken > _MOST_BYTES else message

    await _django(scope, take, send)
    if taken > _MOST_BYTES:
        from kim import policies  # here: it needs the models

        refusal = HttpResponse(_REFUSAL, status=413, content_type="application/json")
        refusal["Connection"] = "close"
        policies.dress(ASGIRequest(scope, io.BytesIO()), refusal)
        await _say(refusal, send)


async def _live(receive: Receive, send: Send) -> None:
    """The server's start and end, as ASGI tells them."""
    while (await receive())["type"] != "lifespan.shutdown":
        await sync_to_async(_begin)()
        await send({"type": "lifespan.startup.complete"})
    await send({"type": "lifespan.shutdown.complete"})


def _begin() -> None:
    from kim import first_run

    first_run.announce()


async def _say(response: HttpResponse, send: Send) -> None:
    headers = [(name.lower().encode(), value.encode("latin-1")) for name, value in response.items()]
    await send({"type": "http.response.start", "status": response.status_code, "headers": headers})
    await send({"type": "http.response.body", "body": response.content})
