"""Every setting is read by one function, and a wrong one is one clear line that tells no secret."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from kim import env
from kim.env import BadSetting, ElectrumServer

ROOT = Path(__file__).resolve().parents[2]
NAME = "KIM_TRIED"
SECRET = "hunter2-hunter2"
PIN = "ab" * 32

Set = Callable[[str], None]


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Set:
    monkeypatch.delenv(NAME, raising=False)
    return lambda value: monkeypatch.setenv(NAME, value)


def refusal(read: Callable[[], object]) -> str:
    """The one line that is said, which names the variable."""
    with pytest.raises(BadSetting) as caught:
        read()
    said = str(caught.value)
    assert NAME in said
    assert "\n" not in said
    assert caught.value.__cause__ is None or isinstance(caught.value.__cause__, OSError)
    return said


def test_text_is_trimmed_has_a_default_or_must_be_there(given: Set) -> None:
    assert env.text(NAME, "there") == "there"
    assert "is not set" in refusal(lambda: env.text(NAME))
    given("  ")
    assert "is not set" in refusal(lambda: env.text(NAME))
    given(" here ")
    assert env.text(NAME) == "here"


def test_a_choice_is_one_of_those_there_are(given: Set) -> None:
    given("mainet")

    said = refusal(lambda: env.choice(NAME, ("mainnet", "regtest"), "regtest"))

    assert said == f"{NAME} must be one of mainnet, regtest."


@pytest.mark.parametrize(("raw", "value"), [("7", 7), ("1_000", 1000), (" 8 ", 8), ("", 5)])
def test_a_whole_number_is_read(raw: str, value: int, given: Set) -> None:
    given(raw)
    assert env.integer(NAME, 5, least=1, most=1000) == value


@pytest.mark.parametrize("raw", ["x", "1.5", "1e3", "0", "-1", "1001", "٣ 4", "9" * 5000])
def test_what_is_no_whole_number_within_its_bounds_is_refused(raw: str, given: Set) -> None:
    given(raw)
    refusal(lambda: env.integer(NAME, 5, least=1, most=1000))


def test_yes_and_no_are_1_and_0(given: Set) -> None:
    assert env.boolean(NAME, default=True)
    for raw, value in {"1": True, "true": True, "0": False, "false": False}.items():
        given(raw)
        assert env.boolean(NAME, default=not value) is value
    given("yes")
    assert refusal(lambda: env.boolean(NAME, default=False)) == f"{NAME} must be 1 or 0."


@pytest.mark.parametrize("raw", ["10/minute", "1/second", "600/hour", "5/day"])
def test_a_rate_is_read(raw: str, given: Set) -> None:
    given(raw)
    assert env.rate(NAME, "1/day") == raw


@pytest.mark.parametrize("raw", ["10", "10/fortnight", "/minute", "0/minute", "-1/day", "ten/day"])
def test_what_is_no_rate_is_refused(raw: str, given: Set) -> None:
    given(raw)
    assert "10/minute" in refusal(lambda: env.rate(NAME, "1/day"))


def test_a_number_is_positive_and_finite(given: Set) -> None:
    given("400.50")
    assert env.number(NAME, "1") == "400.50"
    for raw in ("0", "-1", "NaN", "1e3", "4,5", "x"):
        given(raw)
        refusal(lambda: env.number(NAME, "1"))


def test_an_address_of_a_site_carries_nothing_behind_it(given: Set) -> None:
    for raw in ("https://kim.example", "http://127.0.0.1:8000", "http://[::1]:80"):
        given(raw + "/")
        assert env.web_address(NAME) == raw
    for raw in (
        "kim.example",
        "ftp://x",
        "https://",
        "https://k/shop",
        "https://k?x",
        "http://a b",
    ):
        given(raw)
        refusal(lambda: env.web_address(NAME))
    given("https://x.example/storage/v1/s3")
    assert env.web_address(NAME, with_path=True) == "https://x.example/storage/v1/s3"


@pytest.mark.parametrize(
    "read",
    [
        lambda: env.secret_bytes(NAME, length=32),
        lambda: env.database(NAME, ""),
        lambda: env.redis(NAME, ""),
        lambda: env.web_address(NAME),
    ],
    ids=["bytes", "database", "redis", "address"],
)
@pytest.mark.parametrize(
    "raw",
    [
        SECRET,
        f"{SECRET}$%&",
        f"https://kim:{SECRET}@kim.example",
        f"postgres://kim:{SECRET}#1@db/kim",
        f"postgres://kim:{SECRET}/2@db/kim",
        f"postgres://kim:[{SECRET}@db/kim",
        f"postgres://kim:{SECRET}@db",
        f"mysql://kim:{SECRET}@db/kim",
    ],
)
def test_a_secret_is_never_repeated(raw: str, read: Callable[[], Any], given: Set) -> None:
    given(raw)

    assert SECRET not in refusal(read)


def test_bytes_are_base64url_of_an_exact_length(given: Set) -> None:
    given("BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc")
    assert env.secret_bytes(NAME, length=32) == b"\7" * 32
    assert "32 bytes" not in refusal(lambda: env.secret_bytes(NAME, length=16))
    for raw in ("B wcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc", "BwcH+wcHBwcHBwcH", "ÄÖ", "A"):
        given(raw)
        refusal(lambda: env.secret_bytes(NAME, length=32))


# --- files that hold a value --------------------------------------------------------------------


def test_a_value_may_lie_in_a_file(
    tmp_path: Path, given: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n")
    monkeypatch.setenv(f"{NAME}_FILE", str(file))

    assert env.text(NAME) == SECRET

    given("x")
    assert "keep one" in refusal(lambda: env.text(NAME))


def test_a_file_that_cannot_be_read_is_named(
    tmp_path: Path, given: Set, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "none"))
    assert "No such file" in refusal(lambda: env.text(NAME))
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path))
    assert "directory" in refusal(lambda: env.text(NAME))
    (tmp_path / "binary").write_bytes(b"\xff\xfe" + SECRET.encode())
    monkeypatch.setenv(f"{NAME}_FILE", str(tmp_path / "binary"))
    said = refusal(lambda: env.text(NAME))
    assert "not UTF-8" in said
    assert SECRET not in said


# --- servers and databases ----------------------------------------------------------------------


def test_electrum_servers_are_read_with_pin_and_operator(given: Set) -> None:
    given(f"a.example:50002:s:pin={PIN.upper()}:operator=Ann, 127.0.0.1:50001:t ,")

    assert env.electrum_servers(NAME) == (
        ElectrumServer("a.example", 50002, tls=True, pin=PIN, operator="Ann"),
        ElectrumServer("127.0.0.1", 50001, tls=False),
    )


def test_onion_servers_are_reached_through_the_proxy_and_others_are_not(given: Set) -> None:
    given("abc.onion:50001:t,a.example:50002:s")

    assert [each.socks for each in env.electrum_servers(NAME, socks="127.0.0.1:9050")] == [
        "127.0.0.1:9050",
        "",
    ]


def test_a_proxy_is_a_port_on_this_machine(given: Set) -> None:
    given("tor.example:9050")
    assert "a port on this machine" in refusal(lambda: env.loopback(NAME))
    given("127.0.0.1:9050")
    assert env.loopback(NAME) == "127.0.0.1:9050"


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        ("a.example", "not host:port:s"),
        ("a.example:50002", "not host:port:s"),
        ("a.example:50002:x", "not host:port:s"),
        ("a.example:port:s", "not host:port:s"),
        (":50002:s", "needs a host"),
        ("a.example:0:s", "between 1 and 65535"),
        ("a.example:65536:s", "between 1 and 65535"),
        ("a.example:50001:t", "loopback only"),
        ("abc.onion:50001:t", "set KIM_SOCKS_PROXY"),
        ("a.example:50002:s:pin=abcd", "64 hex digits"),
        (f"a.example:50002:s:pim={PIN}", "unknown option 'pim'"),
        ("a.example:50002:s:", "unknown option ''"),
    ],
)
def test_an_electrum_server_that_cannot_be_is_refused(raw: str, said: str, given: Set) -> None:
    given(f"127.0.0.1:50001:t,{raw}")
    assert said in refusal(lambda: env.electrum_servers(NAME))


def test_a_database_is_named_by_its_address(given: Set) -> None:
    given("postgres://kim:p%40ss%2Fword%23@db.example:6432/kim")
    found = env.database(NAME, "")
    assert found["PASSWORD"] == "p@ss/word#"
    assert (found["HOST"], found["PORT"], found["NAME"], found["USER"]) == (
        "db.example",
        "6432",
        "kim",
        "kim",
    )

    given("sqlite:////srv/kim.sqlite3")
    assert env.database(NAME, "")["NAME"] == "/srv/kim.sqlite3"
    given("sqlite://")
    refusal(lambda: env.database(NAME, ""))


def test_the_keys_of_a_store_are_not_in_its_repr() -> None:
    store = env.StoreConfig(
        name="main",
        endpoint="http://s3",
        public_endpoint="http://s3",
        bucket="kim",
        region="r",
        access_key="access-" + SECRET,
        secret_key=SECRET,
    )

    assert SECRET not in repr(store)
    assert "kim" in repr(store)


# --- the whole ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"KIM_SECRET_KEY": ""}, "KIM_SECRET_KEY is not set"),
        ({"KIM_SECRET_KEY": "short"}, "KIM_SECRET_KEY must have at least 32"),
        ({"KIM_INSTANCE_PUBLIC_KEY": "AAAA"}, "KIM_INSTANCE_PUBLIC_KEY must be 65 bytes"),
        ({"KIM_NETWORK": "testnet"}, "KIM_NETWORK must be one of"),
        ({"KIM_RATE_LOGIN": "many"}, "KIM_RATE_LOGIN must look like"),
        ({"KIM_PUBLIC_URL": "kim.example"}, "KIM_PUBLIC_URL must look like"),
        ({"KIM_LOG_LEVEL": "LOUD"}, "KIM_LOG_LEVEL must be one of"),
        ({"KIM_REDIS_URL": SECRET}, "KIM_REDIS_URL must begin with"),
        ({"KIM_TRUSTED_PROXIES": "-1"}, "KIM_TRUSTED_PROXIES must lie between"),
    ],
)
def test_a_wrong_setting_stops_the_program_with_one_line(
    changes: dict[str, str], said: str
) -> None:
    from tests.environment import _DEFAULTS

    bare = {name: value for name, value in os.environ.items() if not name.startswith("KIM_")}
    done = subprocess.run(
        [sys.executable, "-c", "import kim.settings"],
        env={**bare, **_DEFAULTS, **changes},
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode == 1
    assert said in done.stderr.splitlines()[-1]
    assert SECRET not in done.stderr


def test_bounds_of_rates_are_a_least_and_a_most_by_currency(given: Set) -> None:
    assert env.rate_bounds(NAME) == {}
    given("USD:20:20000, EUR:0.5:1")
    assert env.rate_bounds(NAME) == {
        "USD": (Decimal(20), Decimal(20_000)),
        "EUR": (Decimal("0.5"), Decimal(1)),
    }


@pytest.mark.parametrize(
    "raw",
    [
        "USD", "USD:20", "USD:20:", "usd:20:30", "USDT:20:30", "USD:20:30:40", "USD:-1:30",
        "USD:1e2:300", "USD:NaN:30", "USD:0:30", "USD:30:30", "USD:30:20", "USD:20:30,USD:20:40",
        "USD:20:1234567890123", "USD:0.123456789:3", "USD 20 30", "USD:\uff12\uff10:30",
    ],
)  # fmt: skip
def test_bounds_that_are_none_are_refused(raw: str, given: Set) -> None:
    given(raw)
    refusal(lambda: env.rate_bounds(NAME))
