"""``manage.py check_storage`` against a real server: what it proves, and what it finds."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from django.core.management import CommandError, call_command

from tests.stores import ORIGIN, free_ports

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

    from unlock.storage import S3Store


def check(**options: Any) -> tuple[str, str]:
    """What it printed, and what it ended with."""
    out = io.StringIO()
    try:
        call_command("check_storage", stdout=out, **options)
    except CommandError as error:
        return out.getvalue(), str(error)
    return out.getvalue(), ""


def test_our_store_holds_everything(configured_store: S3Store, settings: Settings) -> None:
    settings.KIM_PUBLIC_URL = ORIGIN

    said, problem = check(create=True)

    assert problem == ""
    assert said.count("  ok  ") + said.count("  --  ") == 13
    assert "  ok  a signed address ends when it says" in said
    assert "  ok  a transfer that broke off is found again" in said
    assert said.endswith("Everything holds.\n")


def test_a_page_of_another_origin_is_found_out(
    configured_store: S3Store, settings: Settings
) -> None:
    settings.KIM_PUBLIC_URL = "https://kim.example"

    said, problem = check()

    assert "NO  our pages may send parts" in said
    assert "NO  our pages may ask for ranges" in said
    assert problem.startswith("3 things do not hold")


def test_one_store_is_tried_by_its_name(configured_store: S3Store, settings: Settings) -> None:
    dead = replace(configured_store.config, name="dead", endpoint="http://127.0.0.1:1")  # type: ignore[type-var]
    settings.KIM_STORES = (configured_store.config, dead)
    settings.KIM_PUBLIC_URL = ORIGIN

    assert check(name="test")[1] == ""
    assert check(name="dead")[1].startswith("1 things")
    assert check(name="lost") == ("", "No store is called lost. There are: test, dead.")


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"secret_key": "wrong"}, "refused"),
        ({"bucket": "nobody-made-it"}, "refused: NoSuchBucket"),
    ],
)
def test_wrong_keys_and_a_missing_bucket_are_said(
    configured_store: S3Store, settings: Settings, changes: dict[str, str], reason: str
) -> None:
    settings.KIM_STORES = (replace(configured_store.config, **changes),)  # type: ignore[type-var]

    said, problem = check()

    assert reason in said
    assert problem.startswith("1 things")
    assert "wrong" not in said


def test_a_store_that_is_not_there_is_said(configured_store: S3Store, settings: Settings) -> None:
    dead = f"http://127.0.0.1:{free_ports(1)[0]}"
    settings.KIM_STORES = (replace(configured_store.config, endpoint=dead),)  # type: ignore[type-var]

    said, problem = check()

    assert "could not be reached" in said
    assert problem.startswith("1 things")
