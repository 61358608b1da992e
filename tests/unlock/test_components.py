"""The page of components: there for whoever works on the pages, nowhere else."""

from __future__ import annotations

import re

import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from unlock import published

pytestmark = pytest.mark.django_db

PIECES = ("button", "field", "notice", "drop", "telling")
# Drawn by scripts, or of one page alone.
ELSEWHERE = {
    "toast", "reminder", "addresses", "ways", "deliveries", "delivery", "notices", "count",
    "choosing", "folder", "slim", "staged", "tree", "unfinished", "label",
}  # fmt: skip


def test_it_is_not_there_on_an_instance(client: Client) -> None:
    assert client.get("/components/").status_code == 404


def test_every_class_of_the_shared_pieces_stands_on_it(client: Client, settings: Settings) -> None:
    settings.DEBUG = True
    shown = client.get("/components/").content.decode()
    used = {name for names in re.findall(r'class="([^"]+)"', shown) for name in names.split()}

    for piece in PIECES:
        rules = (published.ROOT / f"css/components/{piece}.css").read_text()
        classes = set(re.findall(r"\.([a-z][a-z-]+)(?=[\s.:,>\[{])", rules))
        assert classes - ELSEWHERE <= used, piece
        assert f"css/components/{piece}.css" in shown
