"""For servers that speak WSGI only; live status then falls back to polling."""

import os

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kim.settings")

application = get_wsgi_application()
