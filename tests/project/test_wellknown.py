"""Whom to tell of a hole, and what this instance's scripts are: for everybody, at addresses they know."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as configured
from django.test import Client

from unlock import published

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings


def test_security_txt_names_whom_to_tell_and_until_when_it_holds(
    client: Client, settings: Settings
) -> None:
    settings.KIM_SECURITY_CONTACT = "mailto:security@shop.example"
    settings.KIM_PUBLIC_URL = "https://shop.example"

    answer = client.get("/.well-known/security.txt")

    contact, expires, languages, canonical = answer.content.decode().splitlines()
    assert answer.headers["Content-Type"] == "text/plain; charset=utf-8"
    assert contact == "Contact: mailto:security@shop.example"
    assert languages == "Preferred-Languages: en"
    assert canonical == "Canonical: https://shop.example/.well-known/security.txt"
    until = datetime.strptime(expires, "Expires: %Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    left = until - datetime.now(UTC)
    assert timedelta(days=179) <= left <= timedelta(days=180)


@pytest.mark.django_db  # a page names its instance
def test_without_a_contact_there_is_no_security_txt(client: Client, settings: Settings) -> None:
    settings.KIM_SECURITY_CONTACT = ""

    assert client.get("/.well-known/security.txt").status_code == 404


def test_the_hashes_are_those_of_the_repository_and_of_the_bytes_served(client: Client) -> None:
    answer = client.get("/.well-known/kim-hashes.json")

    told = answer.json()
    body = client.get(told["static"] + "js/pages/offer.js").content
    assert answer.headers["Access-Control-Allow-Origin"] == "*"
    assert (told["static"], told["algorithm"]) == (configured.STATIC_URL, "sha256")
    assert told["files"]["js/pages/offer.js"] == hashlib.sha256(body).hexdigest()
    lines = "".join(f"{digest}  {name}\n" for name, digest in told["files"].items())
    assert lines == published.sums(published.tree())
