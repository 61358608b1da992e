"""What the ASGI server runs: ``uvicorn kim.asgi:application``."""

import os

from django.core.asgi import get_asgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kim.settings")

application = get_asgi_application()
