"""The modules of a page, named to the browser at once.

Without a bundler a browser finds an import only after it has read the importing file: six files deep
are six round trips. The list is read from the files themselves, so it cannot be out of date.
"""

from __future__ import annotations

import base64
import hashlib
import posixpath
import re
from functools import cache
from pathlib import Path

from django import template
from django.conf import settings
from django.contrib.staticfiles import finders
from django.templatetags.static import static
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import get_language

from unlock import static_files

register = template.Library()

# Statements begin a line; the imports of JSDoc stand behind an asterisk and load nothing.
_IMPORT = re.compile(r"""^(?:import|export)\b[^;'"]*['"](\.{1,2}/[^'"]+\.js)['"]""", re.MULTILINE)


@register.simple_tag
def preload(*entries: str, besides: str = "") -> SafeString:
    """``<link rel="modulepreload">`` for modules and everything that they import, each with the hash of
    its bytes: one that is not what this page names does not run (docs/adr/0017).

    A page's own, its workers' too; ``besides``: a module of which all is there already.
    """
    return _links(entries, besides=besides, root=settings.STATIC_URL)


@cache
def _links(entries: tuple[str, ...], *, besides: str, root: str) -> SafeString:
    """Written once: names and hashes stay as they are while a process lives."""
    there = set(graph(besides)) if besides else set()
    paths = dict.fromkeys(path for entry in entries for path in graph(entry) if path not in there)
    # Not by static(): it writes "@" as "%40", which is another address, loaded once more.
    named = ((root + path, integrity(path)) for path in paths)
    link = '<link rel="modulepreload" href="{}" integrity="{}">'
    return format_html_join("\n", link, named)


@register.simple_tag
@cache
def integrity(path: str) -> str:
    """Subresource integrity of a file of ours as it is served; SHA-256, as in ``SHA256SUMS``."""
    digest = hashlib.sha256(static_files.files()[path].body).digest()
    return f"sha256-{base64.b64encode(digest).decode()}"


@register.simple_tag
def texts(*, first_only: bool = False) -> SafeString:
    """The German texts of the modules, before the modules; nothing on an English page.

    ``first_only``: those of the first step; static/js/texts/say.js fetches the rest after it.
    """
    language = get_language() or "en"
    if language == "en":
        return SafeString()
    names = ("first",) if first_only else ("first", "rest")
    addresses = ((static(f"js/texts/{language}/{name}.js"),) for name in names)
    return format_html_join("\n", '<script type="module" src="{}"></script>', addresses)


@cache
def graph(entry: str) -> tuple[str, ...]:
    """The static paths a module needs, itself first, nearest first."""
    found, waiting = {entry: None}, [entry]
    for path in waiting:
        source = finders.find(path)
        if not isinstance(source, str):
            continue
        for target in _IMPORT.findall(Path(source).read_text(encoding="utf-8")):
            needed = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
            if needed not in found:
                found[needed] = None
                waiting.append(needed)
    return tuple(found)
