"""Structured logs without secrets: one JSON object a line, and a filter that cuts what must not be.

The filter is the second fence. The first is that nobody logs bodies, claims or keys at all.
"""

from __future__ import annotations

import json
import logging
import re
from datetime import UTC, datetime
from typing import Any

# The secret half of a link (22 characters of base64url after "1."), with the seed of a return link
# behind it, also percent-encoded; a claim, a bearer of any kind, a token; cookies; a store's signature; and
# members of a body that log in or open something.
_SECRETS = re.compile(
    r"((?:\#|%23)\s*1(?:\.|%2E)[A-Za-z0-9_-]{8,}(?:(?:\.|%2E)[A-Za-z0-9_-]{8,})?)"
    r"|((?<![A-Za-z0-9_.-])1\.[A-Za-z0-9_-]{22}(?:\.[A-Za-z0-9_-]{8,})?(?![A-Za-z0-9_-]))"
    r"|((?:Claim|Bearer|Basic):?\s+[A-Za-z0-9._~+/=-]{8,})"
    r"|((?<![A-Za-z0-9_-])kim_[A-Za-z0-9_-]{43}(?![A-Za-z0-9_-]))"
    r"|((?:csrftoken|(?:kim-|__Host-)session)=[A-Za-z0-9]+)"
    r"|(X-Amz-(?:Signature|Credential)=[^&\s\"']+)"
    r"|((?<=[\"'?&\s{,])[\"']?"
    r"(?:s|m|seed|root|claim|derived|new_derived|password|passwd|csrfmiddlewaretoken)"
    r"[\"']?\s*(?::\s*[\"']|=)[^\"'&\s]+)",
    re.IGNORECASE,
)


# Line breaks to some readers of logs, which JSON leaves as they are.
_BREAKS = {0x85: "\\u0085", 0x2028: "\\u2028", 0x2029: "\\u2029"}


def scrub(text: str) -> str:
    """The text with link secrets, claims, cookies, passwords and signatures as ``[cut]``."""
    return _SECRETS.sub("[cut]", text)


class JsonFormatter(logging.Formatter):
    """time, level, logger, message and whatever a call passed as ``extra={"facts": {...}}``."""

    def format(self, record: logging.LogRecord) -> str:
        entry: dict[str, Any] = {
            "at": datetime.fromtimestamp(record.created, tz=UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": scrub(record.getMessage()),
        }
        facts = getattr(record, "facts", None)
        if isinstance(facts, dict):
            entry.update({key: scrub(str(value)) for key, value in facts.items()})
        if record.exc_info:
            entry["trace"] = scrub(self.formatException(record.exc_info))
        return json.dumps(entry, ensure_ascii=False).translate(_BREAKS)


class PlainFormatter(logging.Formatter):
    """The same for people, in development."""

    def format(self, record: logging.LogRecord) -> str:
        return scrub(super().format(record))


def configuration(*, level: str, as_json: bool) -> dict[str, Any]:
    """A ``logging.config`` dictionary: everything to standard error."""
    formatter = "json" if as_json else "plain"
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {
            "json": {"()": "kim.logs.JsonFormatter"},
            "plain": {
                "()": "kim.logs.PlainFormatter",
                "format": "%(levelname)s %(name)s %(message)s",
            },
        },
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": formatter}},
        "root": {"handlers": ["stderr"], "level": level},
        "loggers": {
            # An entry of its own takes Django's handlers away, which write without the filter.
            "django": {"level": "INFO"},
            "django.server": {"level": "INFO", "propagate": True},
            # botocore logs whole requests, headers included, when asked to debug: never.
            "botocore": {"level": "WARNING"},
            "boto3": {"level": "WARNING"},
            "urllib3": {"level": "WARNING"},
            "aiorpcx": {"level": "WARNING"},
            "django.request": {"level": "ERROR"},
        },
    }
