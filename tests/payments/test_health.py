"""What is said about the watcher: to programs, to operators and to whoever asks without a token."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

import pytest
from django.contrib.auth import get_user_model
from django.test import Client, override_settings
from django.utils import timezone

from payments import connection, health, heartbeats, watcher
from payments.errors import ChainUnavailable
from payments.health import Level, Part
from payments.models import Invoice, Rate
from tests.devchains import Devchain
from tests.proxies import Proxy
from tests.tills import sell

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)
TOKEN = "a-token-of-some-length"


def codes(*parts: Part) -> set[str]:
    found = health.report(now=timezone.now()).findings
    return {each.code for each in found if not parts or each.part in parts}


@pytest.fixture
def proxy(chain: Devchain) -> Iterator[Proxy]:
    made = Proxy(chain.electrum_port, operator="other")
    yield made
    made.close()


def test_before_the_first_sweep_nothing_is_called_good_that_nobody_knows(chain: Devchain) -> None:
    found = health.report(now=timezone.now())

    assert found.level is Level.BAD
    assert {"no_server", "no_header", "sweep_stale", "daemon_gone"} <= codes()
    assert (found.is_stale, found.stale_since, found.tip_height) == (True, None, None)


def test_after_a_sweep_all_but_the_daemon_is_good(chain: Devchain) -> None:
    sell(chain)
    watcher.sweep(now=timezone.now() + timedelta(minutes=1))
    found = health.report(now=timezone.now())

    assert {each.code for each in found.findings} == {
        "servers_ok", "chain_ok", "sweep_ok", "daemon_gone", "rates_ok", "forwards_ok", "clock_ok"
    }  # fmt: skip
    assert found.level is Level.WARN
    assert len(found.reasons) == 1
    assert (found.tip_height, found.looked) == (chain.height, 1)
    assert (found.tiers["hot"].count, found.tiers["hot"].backlog) == (1, 0)
    assert found.tiers["hot"].swept_at is not None
    (server,) = found.servers
    assert (server.is_live, server.tip_height, server.demoted) == (True, chain.height, "")
    assert found.servers_disagree is False


def test_what_waits_too_long_is_counted_and_said_since_when_nobody_looks(chain: Devchain) -> None:
    now = timezone.now()
    sell(chain)
    watcher.sweep(now=now + timedelta(minutes=1))
    Invoice.objects.update(sweep_due_at=now - HOUR)
    heartbeats.beat(heartbeats.SWEEP, now=now - HOUR, detail={})
    found = health.report(now=now)

    assert found.tiers["hot"].backlog == 1
    assert (found.is_stale, found.stale_since) == (True, now - HOUR)
    assert {"sweep_stale", "backlog_hot"} <= codes(Part.SWEEP)


def test_a_server_that_is_gone_and_one_that_is_demoted_are_named_with_the_reason(
    chain: Devchain, proxy: Proxy
) -> None:
    with override_settings(KIM_ELECTRUM_SERVERS=(chain.server, proxy.server)):
        connection.close()
        watcher.sweep(now=timezone.now())
        both = codes(Part.SERVERS)
        proxy.close()
        watcher.sweep(now=timezone.now())
        one = health.report(now=timezone.now())
    connection.close()

    assert both == {"servers_ok"}
    assert [each.code for each in one.of(Part.SERVERS)] == ["server_gone"]
    assert str(proxy.server.port) in one.of(Part.SERVERS)[0].text

    row = heartbeats.last(heartbeats.SERVERS)
    assert row is not None
    servers = [{**each, "is_live": True} for each in row.detail["servers"]]
    servers[1]["demoted"] = "Its blocks come, its mempool does not."
    heartbeats.beat(heartbeats.SERVERS, now=timezone.now(), detail={"servers": servers})
    told = health.report(now=timezone.now())
    assert told.servers_disagree
    assert any("its mempool does not" in each.text for each in told.of(Part.SERVERS))


def test_rates_that_are_down_are_red_and_say_when_the_last_one_came() -> None:
    now = timezone.now()
    Rate.objects.create(currency="EUR", rate=400, sources=["a", "b"], at=now - HOUR)
    with override_settings(KIM_RATE_BASE_URL="http://127.0.0.1:1"):
        found = health.report(now=now)

    assert (found.rates_down, found.rate_age) == (True, HOUR)
    assert "60 minutes ago" in found.of(Part.RATES)[0].text


@pytest.mark.parametrize(
    ("lags", "code"),
    [
        ([5, 900, 10], "clock_ok"),
        ([900, 900, 10], "clock_drift"),
        ([-900, -900, 10], "clock_drift"),
        ([900, 900], "clock_ok"),
    ],
)
def test_a_clock_is_doubted_only_when_several_blocks_say_so(lags: list[int], code: str) -> None:
    detail = {"height": 1, "time": timezone.now().isoformat(), "is_held": False, "lags": lags}
    heartbeats.beat(heartbeats.BLOCK, now=timezone.now(), detail=detail)

    assert codes(Part.CLOCK) == {code}


@pytest.mark.parametrize(
    ("ahead_ms", "code"),
    [(29_000, "clock_ok"), (31_000, "clocks_apart"), (-31_000, "clocks_apart")],
)
def test_a_worker_whose_clock_is_not_the_databases_is_named(ahead_ms: int, code: str) -> None:
    detail = {"ahead_ms": ahead_ms}
    heartbeats.beat(heartbeats.SWEEP, now=timezone.now(), detail=detail)

    assert codes(Part.CLOCK) == {code}
    assert (code in Client().get("/readyz").json()["warnings"]) is (code != "clock_ok")
    (told,) = health.report(now=timezone.now()).of(Part.CLOCK)
    way = "ahead of" if ahead_ms > 0 else "behind"
    if code != "clock_ok":
        assert told.text == (
            f"The clock of the worker is 31 seconds {way} the database's. Check NTP on both."
        )


def test_a_sweep_notes_how_its_clock_stands_beside_the_databases(chain: Devchain) -> None:
    watcher.sweep(now=timezone.now())

    found = health.report(now=timezone.now()).ahead_of_database

    assert found.keys() == {"web server", "worker"}
    assert all(abs(by) < timedelta(seconds=2) for by in found.values())


def test_blocks_that_come_while_we_look_tell_about_the_clock_and_others_do_not(
    chain: Devchain,
) -> None:
    watcher.sweep(now=timezone.now())
    chain.mine()
    watcher.sweep(now=timezone.now())
    once = heartbeats.last(heartbeats.BLOCK)
    chain.mine(2)
    watcher.sweep(now=timezone.now())
    again = heartbeats.last(heartbeats.BLOCK)

    assert once is not None
    assert again is not None
    assert len(once.detail["lags"]) == 1
    assert again.detail["lags"] == once.detail["lags"]


@pytest.mark.parametrize(
    ("age", "is_held", "level", "code"),
    [
        (HOUR, False, Level.OK, "chain_ok"),
        (3 * HOUR, False, Level.WARN, "tip_old"),
        (7 * HOUR, False, Level.BAD, "chain_held"),
        (HOUR, True, Level.BAD, "chain_held"),
    ],
)
@override_settings(KIM_NETWORK="mainnet", KIM_RATE_BASE_URL="")
def test_an_old_tip_warns_and_then_holds(
    age: timedelta, is_held: bool, level: Level, code: str
) -> None:
    now = timezone.now()
    detail = {"height": 900_000, "time": (now - age).isoformat(), "is_held": is_held, "lags": []}
    heartbeats.beat(heartbeats.BLOCK, now=now, detail=detail)
    found = health.report(now=now)

    (said,) = found.of(Part.CHAIN)
    assert (said.level, said.code) == (level, code)
    assert found.is_held is (level is Level.BAD)


# --- programs -----------------------------------------------------------------------------------


def test_readyz_names_each_part_and_a_code_without_a_word_more(chain: Devchain) -> None:
    sell(chain)
    before = Client().get("/readyz")
    watcher.sweep(now=timezone.now())
    after = Client().get("/readyz").json()
    chain.stop()
    connection.close()
    with pytest.raises(ChainUnavailable):
        watcher.sweep(now=timezone.now())
    gone = Client().get("/readyz").json()

    assert before.status_code == 503
    assert set(before.json()["parts"]) == {
        "database",
        "disk",
        "redis",
        "store",
        "chain",
        "watcher",
    }
    assert before.json()["reasons"]["watcher"] == "watcher_stale"
    assert (after["parts"]["chain"], after["parts"]["watcher"]) == (True, True)
    assert after["reasons"].keys() <= {"redis", "store"}  # those two do not run here
    assert gone["reasons"]["chain"] == "no_server"
    assert gone["parts"]["watcher"] is True


@pytest.mark.parametrize(
    ("token", "given", "status"),
    [
        ("", f"Bearer {TOKEN}", 404),
        ("", "Bearer ", 404),
        (TOKEN, "", 401),
        (TOKEN, f"Bearer {TOKEN}x", 401),
        (TOKEN, f"Basic {TOKEN}", 401),
        (TOKEN, "Bearer é", 401),
        (TOKEN, f"Bearer {TOKEN}", 200),
    ],
)
def test_metrics_are_for_whoever_has_the_token(token: str, given: str, status: int) -> None:
    with override_settings(KIM_METRICS_TOKEN=token):
        answer = Client().get("/metrics", headers={"Authorization": given})

    assert answer.status_code == status
    assert TOKEN not in answer.content.decode()


def test_metrics_count_what_there_is(chain: Devchain) -> None:
    invoice = sell(chain)
    chain.pay(invoice.address, 20_000)
    sell(chain)
    watcher.sweep(now=timezone.now() + timedelta(minutes=1))
    with override_settings(KIM_METRICS_TOKEN=TOKEN):
        answer = Client().get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    lines = answer.content.decode().splitlines()

    assert answer["Content-Type"] == "text/plain; version=0.0.4; charset=utf-8"
    for line in (
        'kim_invoices{state="OPEN"} 1',
        'kim_invoices{state="SEEN"} 1',
        'kim_invoices{state="PAID"} 0',
        'kim_watched_invoices{tier="hot"} 2',
        'kim_backlog{tier="hot"} 0',
        "kim_watch_stale 0",
        "kim_settling_held 0",
        f"kim_tip_height {chain.height}",
        f'kim_server_live{{server="127.0.0.1:{chain.electrum_port}"}} 1',
        "kim_outbox_waiting 0",
        "kim_releases_owed 0",
        "kim_uploads_open 0",
    ):
        assert line in lines
    families = [line.split()[2] for line in lines if line.startswith("# TYPE")]
    assert len(families) == len(set(families))
    assert invoice.address not in answer.content.decode()


# --- operators ----------------------------------------------------------------------------------


def test_the_admins_page_says_it_in_sentences_and_is_linked_from_the_index(
    chain: Devchain,
) -> None:
    sell(chain)
    watcher.sweep(now=timezone.now() + timedelta(minutes=1))
    client = Client()
    client.force_login(get_user_model().objects.create_superuser("ada", password="x" * 20))

    index = client.get("/admin/").content.decode()
    page = client.get("/admin/payments/heartbeat/watcher/").content.decode()

    assert 'href="/admin/payments/heartbeat/watcher/"' in index
    assert "Payments are seen, but something needs a look." in page
    assert "The push daemon has not run yet." in page
    assert "The one Electrum server answers." in page
    assert f"127.0.0.1:{chain.electrum_port}" in page


def test_the_admins_page_is_for_staff() -> None:
    client = Client()
    client.force_login(get_user_model().objects.create_user("maya", password="x" * 20))

    answer = client.get("/admin/payments/heartbeat/watcher/")

    assert answer.status_code == 302
    assert "/admin/login/" in answer["Location"]
