"""``manage.py check``: what may not be, and what real money should not do without."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from kim import checks, env

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

SQLITE = "django.db.backends.sqlite3"
POSTGRES = "kim.postgres"
TWO = "one.example:50002:s:operator=ada,two.example:50002:s:operator=bob"


@pytest.fixture
def live(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An instance for real money that has everything; each test takes one thing away."""
    settings.KIM_NETWORK = "mainnet"
    settings.KIM_PUBLIC_URL = "https://shop.example"
    settings.KIM_ELECTRUM_SERVERS = servers(monkeypatch, TWO)
    monkeypatch.setitem(settings.DATABASES["default"], "ENGINE", POSTGRES)
    return settings


def servers(monkeypatch: pytest.MonkeyPatch, said: str) -> tuple[env.ElectrumServer, ...]:
    monkeypatch.setenv("KIM_ELECTRUM_SERVERS", said)
    return env.electrum_servers("KIM_ELECTRUM_SERVERS")


def warned() -> list[tuple[str, str, str]]:
    return [(str(each.id), str(each.msg), str(each.hint)) for each in checks.real_money(None)]


def test_an_instance_that_has_everything_is_not_warned(live: Settings) -> None:
    assert warned() == []
    assert checks.chain_servers(None) == []


def test_w001_no_servers(live: Settings) -> None:
    live.KIM_ELECTRUM_SERVERS = ()

    (said,) = checks.chain_servers(None)
    assert (said.id, said.msg) == (
        "kim.W001",
        "KIM_ELECTRUM_SERVERS is empty: payments cannot be seen.",
    )
    assert warned() == []  # told once


def test_w002_an_address_in_the_open(live: Settings) -> None:
    live.KIM_PUBLIC_URL = "http://shop.example"

    assert warned() == [
        (
            "kim.W002",
            "KIM_PUBLIC_URL is not https: keys and claims would cross the network in the open.",
            "Put a TLS proxy in front of the web process.",
        )
    ]


@pytest.mark.parametrize(
    "said",
    [
        "one.example:50002:s",
        "one.example:50002:s,one.example:50004:s",
        "one.example:50002:s:operator=ada,two.example:50002:s:operator=ada",
    ],
    ids=["one server", "one host twice", "one operator twice"],
)
def test_w003_one_operator(live: Settings, monkeypatch: pytest.MonkeyPatch, said: str) -> None:
    live.KIM_ELECTRUM_SERVERS = servers(monkeypatch, said)

    assert warned() == [
        (
            "kim.W003",
            "All Electrum servers have one operator, who alone can hide payments.",
            "Name servers of two operators at least; tell them apart with operator=name.",
        )
    ]


def test_w004_sqlite(live: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(live.DATABASES["default"], "ENGINE", SQLITE)

    assert warned() == [
        (
            "kim.W004",
            "KIM_DATABASE_URL is SQLite, which lets one process write at a time.",
            "Use PostgreSQL where strangers sell.",
        )
    ]


def test_play_money_may_do_without(live: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    live.KIM_NETWORK = "regtest"
    live.KIM_PUBLIC_URL = "http://127.0.0.1:8000"
    live.KIM_ELECTRUM_SERVERS = servers(monkeypatch, "127.0.0.1:8002:t")
    monkeypatch.setitem(live.DATABASES["default"], "ENGINE", SQLITE)

    assert warned() == []
