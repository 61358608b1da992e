"""Every list goes on the same way: ``cursor`` is the ``next`` of the page above."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unlock import sale
from tests.unlock.creating import NOW, Browser, refusal, signed_in
from unlock.models import Creator, Notice, PaidFile
from unlock.states import NoticeKind

pytestmark = pytest.mark.django_db


@pytest.fixture
def maya() -> Browser:
    """Five of everything, all made at the very same moment."""
    browser = signed_in("maya")
    owner = Creator.objects.get()
    for number in range(5):
        sale.publish(owner)
        Notice.objects.create(
            creator=owner, kind=NoticeKind.SOLD, topic=str(number), text="Sold.", created_at=NOW
        )
    PaidFile.objects.update(created_at=NOW)
    made = browser.post(place("codes"), {"is_gift": True, "count": 5})
    assert made.status_code == 201
    return browser


def place(name: str) -> str:
    return f"files/{PaidFile.objects.earliest('pk').id}/codes/" if name == "codes" else f"{name}/"


def pages(browser: Browser, name: str, *, limit: int) -> list[list[Any]]:
    found, cursor = [], ""
    while True:
        said = browser.get(f"{place(name)}?limit={limit}&cursor={cursor}").json()
        found.append([row["id"] for row in said[name]])
        cursor = said["next"]
        if not cursor:
            return found


@pytest.mark.parametrize("name", ["files", "notices", "codes"])
def test_a_list_is_whole_whatever_its_pages(name: str, maya: Browser) -> None:
    whole = pages(maya, name, limit=100)

    assert [len(page) for page in whole] == [5]
    assert [len(page) for page in pages(maya, name, limit=2)] == [2, 2, 1]
    assert [each for page in pages(maya, name, limit=2) for each in page] == whole[0]
    assert [len(page) for page in pages(maya, name, limit=5)] == [5]


@pytest.mark.parametrize("name", ["files", "notices", "codes", "sales"])
def test_a_place_that_was_never_given_out_is_refused(name: str, maya: Browser) -> None:
    for cursor in ("x", "00000000-0000-0000-0000-000000000000"):
        answer = maya.get(f"{place(name)}?cursor={cursor}")
        assert refusal(answer) == (400, "cursor_invalid")


@pytest.mark.parametrize("limit", ["0", "-1", "x", "100000"])
def test_a_limit_that_is_none_is_refused(limit: str, maya: Browser) -> None:
    for name in ("files", "notices", "codes", "sales"):
        assert refusal(maya.get(f"{place(name)}?limit={limit}")) == (400, "invalid")


def test_another_creators_row_is_no_place_in_this_list(maya: Browser) -> None:
    eve = signed_in("eve")
    hers = sale.publish(Creator.objects.get(user__username="eve")).file

    assert refusal(maya.get(f"files/?cursor={hers.id}")) == (400, "cursor_invalid")
    assert eve.get("files/").json()["next"] == ""
