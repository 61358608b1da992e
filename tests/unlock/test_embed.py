"""The script for foreign pages: how it is served, and that its bytes are the ones pages name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.template import Context, Template
from django.test import Client

from tests.unlock import sale

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs" / "embed.md"


def integrity() -> str:
    return Template("{% load embedding %}{% embed_integrity %}").render(Context())


def test_every_origin_may_load_it_and_keep_it_for_a_year() -> None:
    answer = Client().get("/embed/1/button.js", headers={"Origin": "https://eve.example"})

    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer["Access-Control-Allow-Origin"] == "*"
    assert "Access-Control-Allow-Credentials" not in answer
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer["Content-Security-Policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert not answer.cookies


def test_its_bytes_are_the_ones_that_pages_name_a_change_needs_another_address() -> None:
    named = re.findall(r'integrity="(sha384-[A-Za-z0-9+/=]+)"', DOCS.read_text())

    assert named
    assert set(named) == {integrity()}


def test_it_listens_to_no_message_and_writes_no_markup() -> None:
    served = Client().get("/embed/1/button.js").content.decode()

    for word in ("postMessage", "'message'", "onmessage", "innerHTML", "cookie", "localStorage"):
        assert word not in served
    assert "location" not in served
    assert len(served) < 4_000


@pytest.mark.django_db
@pytest.mark.parametrize("number", ["0", "2", "latest"])
def test_no_other_version_is_there(number: str) -> None:
    assert Client().get(f"/embed/{number}/button.js").status_code == 404


@pytest.mark.django_db
def test_no_page_of_ours_may_stand_in_a_frame_and_nothing_of_ours_listens_to_messages() -> None:
    sold = sale.publish()
    for path in ("/", f"/f/{sold.file.id}", "/@nobody", "/login/", "/embed/1/button.js"):
        answer = Client().get(path)
        assert "frame-ancestors 'none'" in answer["Content-Security-Policy"]
        assert answer["X-Frame-Options"] == "DENY"

    # Pages hear "message" events of one window only: the player's frame that they made themselves.
    listening = {
        path.name: path.read_text()
        for path in (ROOT / "static/js").rglob("*.js")
        if re.search(r"(?<![.\w])addEventListener\(\s*'message'", path.read_text())
    }
    assert set(listening) == {"preview.js", "sample.js"}
    for text in listening.values():
        assert "if (source !== frame.contentWindow || data?.kim !== 'player') return;" in text
