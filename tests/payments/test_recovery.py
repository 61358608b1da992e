"""Money on forwarders is found and passed on with the kit alone, and by a page that tells nothing."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.cache import cache
from rest_framework.test import APIClient

from payments import addresses, connection, covenants, recovery, transactions
from payments.covenants import Coin
from payments.recovery import Kit
from payments.states import Network
from payments.transactions import Outpoint
from tests.devchains import Devchain
from tests.tills import script_of

SEED = bytes(range(32))
ROOT = Path(__file__).resolve().parents[2]


def kit_to(address: str) -> Kit:
    return Kit(SEED, script_of(address), covenants.MAX_FEE_SAT)


def forwarder_of(kit: Kit, number: int) -> covenants.Forwarder:
    return covenants.forwarder(
        kit.seed, number, payee_script=kit.payee_script, max_fee_sat=kit.max_fee_sat
    )


def pay(chain: Devchain, kit: Kit, number: int, sat: int, *, tokens: bool = False) -> None:
    shown = addresses.encode(forwarder_of(kit, number).script, Network.REGTEST)
    chain.pay(shown, sat, tokens=tokens)


def received(chain: Devchain, address: str) -> int:
    with recovery.connected("127.0.0.1", chain.electrum_port, tls=False) as server:
        txids = server.histories([script_of(address)])[0]
        read = [transactions.parse(server.raw(txid), txid=txid) for txid in txids]
    outputs = [output for tx in read for output in tx.outputs]
    return sum(output.value_sat for output in outputs if output.script == script_of(address))


def key_file(directory: Path, *kits: Kit) -> Path:
    payouts = [
        {
            "seed": base64.urlsafe_b64encode(kit.seed).decode().rstrip("="),
            "payee": kit.payee_script.hex(),
            "max_fee_sat": kit.max_fee_sat,
        }
        for kit in kits
    ]
    path = directory / "kim-key.json"
    path.write_text(json.dumps({"kim": "root", "v": 1, "role": "creator", "payouts": payouts}))
    return path


# --- wholly without us --------------------------------------------------------------------------


def test_the_kit_alone_finds_every_coin_and_passes_it_on(devchain: Devchain) -> None:
    address = devchain.new_address()
    kit = kit_to(address)
    for number, sat in ((0, 20_000), (3, 30_000), (700, 5_000)):
        pay(devchain, kit, number, sat)
    pay(devchain, kit, 3, 650)
    pay(devchain, kit, 4, 9_000, tokens=True)
    devchain.mine()

    with recovery.connected("127.0.0.1", devchain.electrum_port, tls=False) as server:
        found = recovery.find(kit, server)
        (made,) = recovery.build(found.coins)
        assert server.broadcast(made.serialize()) == made.txid
        devchain.mine()
        again = recovery.find(kit, server)

    assert sorted(coin.value_sat for coin in found.coins) == [5_000, 20_000, 30_000]
    assert (found.scanned, found.stuck_sat, found.token_sat) == (3_701, 650, 9_000)
    assert (again.coins, again.stuck_sat, again.token_sat) == ((), 650, 9_000)
    assert received(devchain, address) == 55_000 - 408
    assert len(made.serialize()) == 406


def test_money_of_a_restored_server_is_found_beyond_the_jump(devchain: Devchain) -> None:
    kit = kit_to(devchain.new_address())
    numbers = (2, 2 + 900 + covenants.RECOVERY_JUMP + 900, 2 + 2 * covenants.RECOVERY_JUMP + 2_500)
    for number in numbers:
        pay(devchain, kit, number, 20_000)

    with recovery.connected("127.0.0.1", devchain.electrum_port, tls=False) as server:
        found = recovery.find(kit, server)

    scripts = [forwarder_of(kit, number).script for number in numbers]
    assert [coin.forwarder.script for coin in found.coins] == scripts


def test_the_command_shows_first_and_sends_only_when_told(
    devchain: Devchain, tmp_path: Path
) -> None:
    """In a process of its own: no settings, no database, no Django."""
    address = devchain.new_address()
    kit = kit_to(address)
    pay(devchain, kit, 2, 20_000)
    devchain.mine()
    command = [
        *(sys.executable, "-m", "payments.recovery", str(key_file(tmp_path, kit))),
        *("--server", f"127.0.0.1:{devchain.electrum_port}", "--network", "regtest"),
    ]
    bare = {"PATH": "/usr/bin:/bin"}

    shown = subprocess.run(
        command, check=False, cwd=ROOT, env=bare, capture_output=True, text=True, timeout=60
    )
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"To {address}: 1 coins on 3003 addresses." in shown.stdout
    assert "19858 sat arrive" in shown.stdout
    assert received(devchain, address) == 0

    sent = subprocess.run(
        [*command, "--send", "--fee", "2"],
        check=False,
        cwd=ROOT,
        env=bare,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (sent.returncode, sent.stdout.splitlines()[-1]) == (0, "  sent")
    assert received(devchain, address) == 20_000 - 284


def test_no_part_of_it_needs_django() -> None:
    code = "import sys, payments.recovery; sys.exit('django' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, timeout=60, check=True)


def test_more_than_fifty_coins_go_in_several_transactions() -> None:
    kit = Kit(SEED, b"\x76\xa9\x14" + bytes(20) + b"\x88\xac", 600)
    coins = [Coin(Outpoint("11" * 32, n), 20_000, forwarder_of(kit, n)) for n in range(120)]

    assert [len(made.inputs) for made in recovery.build(coins)] == [50, 50, 20]


@pytest.mark.parametrize("text", ["[]", "{}", '{"payouts": [{}]}', '{"payouts": [7]}', "no"])
def test_a_file_that_is_no_kit_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - json's own errors too
        recovery.read_kits(text)


# --- what the page asks -------------------------------------------------------------------------


@pytest.fixture
def api() -> APIClient:
    cache.clear()
    return APIClient()


@pytest.mark.django_db(transaction=True)
def test_the_coins_of_scripts_are_told_without_a_login(chain: Devchain, api: APIClient) -> None:
    kit = kit_to(chain.new_address())
    pay(chain, kit, 0, 20_000)
    pay(chain, kit, 1, 5_000, tokens=True)
    scripts = [forwarder_of(kit, number).script.hex() for number in range(3)]

    said = api.post("/api/v1/recovery/coins/", {"scripts": scripts}, format="json").json()

    assert sorted(said["used"]) == sorted(scripts[:2])
    coins = [(each["script"], each["value_sat"], each["has_token"]) for each in said["coins"]]
    assert sorted(coins) == sorted([(scripts[0], 20_000, False), (scripts[1], 5_000, True)])


@pytest.mark.django_db(transaction=True)
def test_a_forward_is_sent_and_its_coin_is_gone(chain: Devchain, api: APIClient) -> None:
    address = chain.new_address()
    kit = kit_to(address)
    pay(chain, kit, 0, 20_000)
    script = forwarder_of(kit, 0).script.hex()
    (coin,) = api.post("/api/v1/recovery/coins/", {"scripts": [script]}, format="json").json()[
        "coins"
    ]
    made = covenants.forward(
        [Coin(Outpoint(coin["txid"], coin["vout"]), coin["value_sat"], forwarder_of(kit, 0))]
    )

    answer = api.post("/api/v1/recovery/broadcast/", {"raw": made.serialize().hex()}, format="json")

    assert (answer.status_code, answer.json()) == (200, {"txid": made.txid})
    after = api.post("/api/v1/recovery/coins/", {"scripts": [script]}, format="json").json()
    assert after == {"coins": [], "used": [script]}
    assert received(chain, address) == 19_858


def spoiled(kit: Kit) -> dict[str, transactions.Transaction]:
    """Transactions that are no plain forward."""
    right = covenants.forward([Coin(Outpoint("11" * 32, 0), 20_000, forwarder_of(kit, 0))])
    paid = right.outputs[0]
    other = transactions.TxOutput(paid.value_sat, b"\x76\xa9\x14" + b"\x01" * 20 + b"\x88\xac")
    signed = transactions.TxInput(Outpoint("22" * 32, 0), b"\x41" + bytes(65), 0xFFFFFFFF)
    whole = transactions.Transaction
    return {
        "another payee": whole(2, right.inputs, (other,), 0),
        "one output more": whole(2, right.inputs, (paid, other), 0),
        "somebody's coin": whole(2, (signed,), (paid,), 0),
        "somebody's coin beside": whole(2, (*right.inputs, signed), (paid, other), 0),
    }


@pytest.mark.parametrize(
    "how", ["another payee", "one output more", "somebody's coin", "somebody's coin beside"]
)
def test_nothing_but_forwards_is_sent(how: str, chain: Devchain, api: APIClient) -> None:
    raw = spoiled(kit_to(chain.new_address()))[how].serialize().hex()

    answer = api.post("/api/v1/recovery/broadcast/", {"raw": raw}, format="json")

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_forwardable")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("coins", {"scripts": []}),
        ("coins", {"scripts": ["a914" + "00" * 20 + "87"] * 101}),
        ("coins", {"scripts": ["76a914" + "00" * 20 + "88ac"]}),
        ("coins", {"scripts": "all"}),
        ("broadcast", {"raw": "0"}),
        ("broadcast", {"raw": "00" * 20_001}),
        ("broadcast", {}),
    ],
)
def test_what_is_malformed_is_refused(path: str, body: dict[str, object], api: APIClient) -> None:
    assert api.post(f"/api/v1/recovery/{path}/", body, format="json").status_code == 400


def test_half_a_transaction_is_refused(chain: Devchain, api: APIClient) -> None:
    answer = api.post("/api/v1/recovery/broadcast/", {"raw": "02000000"}, format="json")

    assert (answer.status_code, answer.json()["error"]["code"]) == (409, "not_forwardable")


@pytest.mark.django_db(transaction=True)
def test_a_spent_coin_is_not_told_again(chain: Devchain) -> None:
    kit = kit_to(chain.new_address())
    pay(chain, kit, 0, 20_000)
    script = forwarder_of(kit, 0).script
    assert len(connection.chain().unspent([script])[0]) == 1
