"""The error tree of money, and its root, which the rest of the app builds on.

Every refusal a person or a program can meet is one class with a stable ``code`` (programs branch
on it), a ``hint`` (what to do next) and the HTTP status it becomes. ``kim.api`` is the one place
that turns them into answers.
"""

from __future__ import annotations

from typing import ClassVar


class ServiceError(Exception):
    """Root of every error we raise on purpose. ``message`` names the cause, never a secret."""

    code: ClassVar[str] = "refused"
    hint: ClassVar[str] = ""
    http_status: ClassVar[int] = 400

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.said_hint = self.hint if hint is None else hint
