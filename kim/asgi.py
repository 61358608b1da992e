"""What the ASGI server runs: ``uvicorn kim.asgi:application``."""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from django.core.asgi import get_asgi_application

from kim import pools

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kim.settings")

Message = Mapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

pools.CONNECTIONS.most = pools.KEPT  # here threads end with their requests
_django = get_asgi_application()
# Django writes a whole body to the disk before it looks at it; what grows beyond this ends here.
_MOST_BYTES = 1024 * 1024
_REFUSAL = (
    b'{"error":{"code":"too_large","message":"The request is too large.",'
    b'"hint":"Files never pass through this server."}}'
)


async def application(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Django, but for bodies beyond a megabyte (``kim.middleware.small`` refuses from 256 KiB on)."""
    taken = 0

    async def take() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        return {"type": "http.disconnect"} if taken > _MOST_BYTES else message

    await _django(scope, take, send)
    if taken > _MOST_BYTES:
        headers = [
            (b"content-type", b"application/json"),
            (b"content-security-policy", b"default-src 'none'"),
            (b"x-content-type-options", b"nosniff"),
            (b"cache-control", b"no-store"),
            (b"connection", b"close"),
        ]
        await send({"type": "http.response.start", "status": 413, "headers": headers})
        await send({"type": "http.response.body", "body": _REFUSAL})
