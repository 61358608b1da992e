"""Server-sent events of one purchase: states and amounts, for whoever knows the purchase's id."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from asgiref.sync import SyncToAsync
from django.http import StreamingHttpResponse
from django.views.decorators.http import require_GET

from unlock import live, speech

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from uuid import UUID

    from django.http import HttpRequest

    from unlock.live import LiveState, Sighting

_RETRY_MS = 2000


@require_GET
async def events(request: HttpRequest, purchase_id: UUID) -> StreamingHttpResponse:
    """``event: state`` at once and on every change; a comment whenever it was quiet for long."""
    del request
    first = await live.board().first(purchase_id)
    return StreamingHttpResponse(
        _frames(purchase_id, first, speech.language()),
        content_type="text/event-stream",
        # A proxy must neither keep the stream nor wait until it is long enough to compress.
        headers={"Cache-Control": "no-cache, no-transform", "X-Accel-Buffering": "no"},
    )


async def _frames(purchase_id: UUID, first: Sighting, language: str) -> AsyncIterator[bytes]:
    _give_thread_back()
    yield f"retry: {_RETRY_MS}\n\n".encode()
    async for state in live.board().follow(purchase_id, first, language=language):
        yield b": still here\n\n" if state is None else _frame(state)


def _give_thread_back() -> None:
    """End the thread that Django's synchronous middleware ran this request in.

    asgiref keeps it until the answer is finished; an answer that lasts an hour would keep a thread
    for an hour, and thousands of open pages thousands of threads. Closing takes a new one.
    """
    context = SyncToAsync.thread_sensitive_context.get(None)
    if context is not None:
        executor = SyncToAsync.context_to_thread_executor.pop(context, None)
        if executor is not None:
            executor.shutdown(wait=False)


def _frame(state: LiveState) -> bytes:
    fields = asdict(state)
    if state.quote_until is not None:
        fields["quote_until"] = state.quote_until.isoformat().replace("+00:00", "Z")
    return f"event: state\ndata: {json.dumps(fields, separators=(',', ':'))}\n\n".encode()
