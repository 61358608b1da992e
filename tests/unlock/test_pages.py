"""The shells people open: who gets which, and what never stands in one."""

from __future__ import annotations

import re
import uuid

import pytest
from django.conf import settings
from django.contrib.auth import get_user_model
from django.test import Client
from django.utils import timezone

from tests.unlock import sale
from unlock.models import Creator
from unlock.states import FileState

pytestmark = pytest.mark.django_db

FOR_CREATORS = ("/sell/", "/files/", "/settings/")
FOR_ANYBODY = ("/", "/signup/", "/login/", "/open/")


def browser_of(creator: Creator) -> Client:
    client = Client()
    client.force_login(creator.user)
    return client


def text_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    return answer.content.decode()


@pytest.mark.parametrize("path", FOR_CREATORS)
def test_a_stranger_is_sent_to_log_in_and_is_brought_back_afterwards(path: str) -> None:
    answer = Client().get(path)

    assert (answer.status_code, answer["Location"]) == (302, f"/login/?next={path}")


@pytest.mark.parametrize("path", ["/login/", "/signup/"])
def test_a_creator_stands_on_the_selling_page_at_once(path: str) -> None:
    answer = browser_of(sale.creator()).get(path)

    assert (answer.status_code, answer["Location"]) == (302, "/sell/")


@pytest.mark.parametrize("path", ["/login/", "/signup/"])
def test_who_has_files_stands_there_too(path: str) -> None:
    maya = sale.creator()
    sale.publish(maya)

    assert browser_of(maya).get(path)["Location"] == "/sell/"


def test_staff_and_suspended_people_are_no_creators() -> None:
    staff = Client()
    staff.force_login(get_user_model().objects.create_superuser("operator"))
    eve = sale.creator("eve")
    suspended = browser_of(eve)
    Creator.objects.filter(pk=eve.pk).update(suspended_at=timezone.now())

    assert staff.get("/sell/").status_code == 302
    assert suspended.get("/sell/").status_code == 302


def test_a_draft_tells_a_stranger_nothing() -> None:
    file = sale.publish().file
    file.title, file.state = "Unreleased", FileState.DRAFT
    file.save()

    shown = text_of(Client(), f"/f/{file.id}")

    assert "Unreleased" not in shown
    assert "Nothing is for sale here yet" in shown


def test_an_offer_is_named_before_any_script_has_run() -> None:
    file = sale.publish().file

    assert f"<h1>{file.title}</h1>" in text_of(Client(), f"/f/{file.id}")


@pytest.mark.parametrize("path", ["/f/{}", "/p/{}", "/p/{}/status"])
def test_what_was_never_there_is_a_page_that_says_so(path: str) -> None:
    answer = Client().get(path.format(uuid.UUID(int=7)))

    assert answer.status_code == 404
    assert "text/html" in answer["Content-Type"]


def test_no_page_has_inline_script_or_style_and_all_assets_are_versioned() -> None:
    maya = sale.creator()
    sold = sale.publish(maya)
    signed_in = [text_of(browser_of(maya), path) for path in FOR_CREATORS]
    open_to_all = [text_of(Client(), path) for path in (*FOR_ANYBODY, f"/f/{sold.file.id}")]

    for shown in (*signed_in, *open_to_all):
        assert not re.search(r"<script(?![^>]*\bsrc=)", shown)
        assert not re.search(r"<style|\sstyle=|\son[a-z]+=", shown)
        sources = re.findall(r'<(?:script|link|img)[^>]+(?:src|href)="([^"]+)"', shown)
        assert sources
        assert all(source.startswith((settings.STATIC_URL, "data:")) for source in sources)


def test_every_page_names_itself_and_has_one_main_part_and_a_way_to_skip_to_it() -> None:
    for path in FOR_ANYBODY:
        shown = text_of(Client(), path)
        assert re.search(r"<title>[^<]*kim[^<]*</title>", shown)
        assert shown.count('<main id="main"') == 1
        assert 'href="#main"' in shown


def test_the_password_fields_have_no_name_so_a_form_without_script_sends_nothing() -> None:
    for path in ("/signup/", "/login/"):
        fields = re.findall(r"<input[^>]*>", text_of(Client(), path))
        assert sum('type="password"' in field for field in fields) == 1
        for field in fields:
            assert " name=" not in field
