"""The hash that pages name beside the address of the embed's script."""

from __future__ import annotations

import base64
import hashlib

from django import template

from unlock import static_files
from unlock.views import embed

register = template.Library()


@register.simple_tag
def embed_integrity() -> str:
    """Subresource integrity of /embed/1/button.js."""
    body = static_files.files()[embed.SCRIPT].body
    return f"sha384-{base64.b64encode(hashlib.sha384(body).digest()).decode()}"
