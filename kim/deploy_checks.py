"""``manage.py check --deploy``: what Django's own checks of a public instance do not know of.

Warnings, as Django's are; a test runs all of them under the settings that deploy/ writes, which have none.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from django.conf import settings
from django.core.checks import CheckMessage, Tags, Warning, register  # noqa: A004

ELSEWHERE: Final = "elsewhere"  # backups are made by other means, says the operator
_OLD_SECONDS: Final = 3 * 24 * 3600
_ADVICE: Final = "docs/operations.md, “Going live”"


@register(Tags.security, deploy=True)
def reachable_by_its_names(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    del app_configs, kwargs
    if not any(host.startswith((".", "*")) for host in settings.ALLOWED_HOSTS):
        return []
    return [
        Warning(
            "KIM_HOSTS has a wildcard: whoever sends another host name is believed.",
            hint="Name every host by itself.",
            id="kim.W006",
        )
    ]


@register(Tags.security, deploy=True)
def behind_a_proxy(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    del app_configs, kwargs
    if not settings.KIM_PUBLIC_URL.startswith("https://") or settings.KIM_TRUSTED_PROXIES:
        return []
    return [
        Warning(
            "KIM_PUBLIC_URL is https, and KIM_TRUSTED_PROXIES is 0: all visitors count as one.",
            hint=f"Say how many proxies set X-Forwarded-For ({_ADVICE}, step 6).",
            id="kim.W007",
        )
    ]


@register(Tags.security, deploy=True)
def backups(app_configs: Sequence[Any] | None, **kwargs: Any) -> list[CheckMessage]:
    """Whether anybody thought of them, and whether the newest is of these days."""
    del app_configs, kwargs
    said = settings.KIM_BACKUP_DIRECTORY
    if said == ELSEWHERE:
        return []
    wrong = _wrong_with(said)
    if not wrong:
        return []
    hint = f"manage.py backup, every night ({_ADVICE}, step 8); or KIM_BACKUP_DIRECTORY={ELSEWHERE}"
    return [Warning(wrong, hint=hint, id="kim.W008")]


def _wrong_with(said: str) -> str:
    if not said:
        return "KIM_BACKUP_DIRECTORY is empty: nobody says where backups lie."
    directory = Path(said)
    try:
        if not directory.is_dir():
            return "KIM_BACKUP_DIRECTORY is no directory."
        made = [path.stat().st_mtime for path in directory.glob("*.kimbackup")]
    except OSError:
        return "KIM_BACKUP_DIRECTORY cannot be read."
    if made and max(made) < time.time() - _OLD_SECONDS:
        return "The newest backup is older than three days."
    return ""
