"""The modules of a page are named before the browser looks for them, and all of them are there."""

from __future__ import annotations

import base64
import hashlib
import re
from pathlib import Path

import pytest
from django.conf import settings

from unlock import static_files
from unlock.templatetags import modules

STATIC = Path(settings.ROOT) / "static"


@pytest.mark.parametrize("page", ["offer", "purchase", "open"])
def test_everything_a_page_imports_is_named_once_and_exists(page: str) -> None:
    entry = f"js/pages/{page}.js"

    named = modules.graph(entry)

    assert named[0] == entry
    assert len(named) == len(set(named)) > 30
    assert [path for path in named if not (STATIC / path).is_file()] == []
    assert "js/crypto/keys.js" in named
    assert any(path.startswith("vendor/noble-hashes@") for path in named)


def test_types_in_comments_load_nothing() -> None:
    # The messages of the workers are typed in io/pool.js, in a comment.
    assert "js/worker/messages.js" not in modules.graph("js/pages/offer.js")


def test_the_list_is_written_for_the_browser() -> None:
    written = modules.preload("js/pages/guard.js")

    served = static_files.files()["js/pages/guard.js"].body
    digest = base64.b64encode(hashlib.sha256(served).digest()).decode()
    assert written == (
        f'<link rel="modulepreload" href="{settings.STATIC_URL}js/pages/guard.js"'
        f' integrity="sha256-{digest}">'
    )


def test_every_page_with_a_module_names_it_and_all_it_imports() -> None:
    """But the development page of components, the player's frame, and what stands on another page."""
    bare = []
    for page in sorted((Path(settings.ROOT) / "templates").rglob("*.html")):
        text = page.read_text()
        entries = re.findall(r"<script type=\"module\" src=\"{% static '([^']+)'", text)
        named = re.findall(r"'(js/[^']+)'", " ".join(re.findall(r"{% preload [^%]*%}", text)))
        bare += [(page.name, each) for each in entries if each not in named]

    assert bare == [
        ("base.html", "js/pages/frame.js"),
        ("components.html", "js/pages/components.js"),
        ("giving.html", "js/pages/giving.js"),
        ("lost.html", "js/pages/losing.js"),
        ("play.html", "js/pages/play.js"),
        ("settings.html", "js/pages/sections.js"),
    ]


def test_what_is_there_already_is_not_named_again() -> None:
    later = modules.preload("js/pages/ordering.js", besides="js/pages/offer.js")

    assert "js/pages/ordering.js" in later
    assert "js/crypto/hpke.js" in later
    assert "js/crypto/keys.js" not in later


def test_what_two_need_is_named_once() -> None:
    both = modules.preload("js/pages/offer.js", "js/worker/open.js")

    assert both.count("js/crypto/errors.js") == 1
    assert "js/crypto/opener.js" in both
