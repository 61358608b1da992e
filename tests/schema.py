"""``make schema``: docs/openapi.yaml follows the code. ``WRITE=1`` renews it; otherwise it compares."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

SNAPSHOT = Path("docs/openapi.yaml")


def main() -> int:
    os.environ["DJANGO_SETTINGS_MODULE"] = "tests.environment"
    import django
    from django.core.management import call_command

    django.setup()
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "openapi.yaml"
        call_command("spectacular", "--validate", "--fail-on-warn", "--file", str(made))
        if os.environ.get("WRITE"):
            SNAPSHOT.write_text(made.read_text())
            return 0
        if SNAPSHOT.exists() and SNAPSHOT.read_text() == made.read_text():
            return 0
    print(
        "The API changed: WRITE=1 make schema renews docs/openapi.yaml; commit it.", file=sys.stderr
    )
    return 1


if __name__ == "__main__":
    raise SystemExit(main())
