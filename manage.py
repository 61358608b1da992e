#!/usr/bin/env python
"""Django's command line for kim."""

import os
import sys

from kim.env import BadSetting


def main() -> None:
    """What the command line says; a wrong setting is one line, not a traceback."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kim.settings")
    from django.core.management import execute_from_command_line

    try:
        execute_from_command_line(sys.argv)
    except BadSetting as error:
        sys.exit(f"kim: {error}")


if __name__ == "__main__":
    main()
