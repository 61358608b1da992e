"""What is true of every call, told once for all of them in the schema: how it refuses, and how one
repeats it. A hook of drf-spectacular.
"""

from __future__ import annotations

import re
from typing import Any, Final

from django.urls import resolve

from unlock import scopes

_ERROR: Final = {
    "type": "object",
    "description": "Branch on `code`: it never changes. `message` and `hint` are for people.",
    "required": ["error"],
    "additionalProperties": False,
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "hint"],
            "additionalProperties": False,
            "properties": {
                "code": {"type": "string", "pattern": "^[a-z0-9_]+$"},
                "message": {"type": "string"},
                "hint": {"type": "string"},
            },
        }
    },
}
_REFUSAL: Final = {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
_RESPONSES: Final = {
    "4XX": {"description": "Refused; nothing was done.", "content": _REFUSAL},
    "503": {"description": "Busy; nothing was done. `Retry-After` says when.", "content": _REFUSAL},
}
_KEY: Final = {
    "in": "header",
    "name": "Idempotency-Key",
    "description": "The same key and request once more give the same answer, for a day.",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
}
_ARGUMENT: Final = re.compile(r"\{\w+\}")
_ANY_ID: Final = "00000000-0000-0000-0000-000000000000"
_METHODS: Final = frozenset({"get", "post", "put", "patch", "delete"})


def complete(result: dict[str, Any], **_about: Any) -> dict[str, Any]:
    """The schema with these added."""
    result.setdefault("components", {}).setdefault("schemas", {})["Error"] = _ERROR
    for path, calls in result["paths"].items():
        route = resolve(_ARGUMENT.sub(_ANY_ID, path)).url_name or ""
        for method in _METHODS & set(calls):
            call = calls[method]
            call["responses"].update(_RESPONSES)
            if scopes.is_kept(route, method.upper()):
                call.setdefault("parameters", []).append(_KEY)
    return result
