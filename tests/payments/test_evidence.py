"""Evidence files: what they prove, and that nothing in one can be changed unnoticed."""

from __future__ import annotations

import copy
import hashlib
import json
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.core.management import call_command
from django.utils import timezone

from payments import addresses, covenants, evidence, evidence_format, headers, proofs
from payments.errors import InvoiceMissing
from payments.evidence_format import Fault
from payments.models import Output
from payments.states import InvoiceState, Network
from payments.transactions import Outpoint, Transaction, TxInput, TxOutput
from tests.devchains import Devchain
from tests.lines import Client
from tests.tills import look, payout_to, sell
from tests.xpub import XPUB

ROOT = Path(__file__).resolve().parents[2]
NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
KEY = b"\7" * 32  # of tests.environment
GENESIS = bytes.fromhex(
    "01000000" + "00" * 32 + "3ba3edfd7a7b12b27ac72c3e67768f617fc81bc3888a51323a9fb8aa4b1e5e4a"
    "dae5494dffff7f2002000000"
)
SCRIPT = bytes.fromhex("76a914" + "11" * 20 + "88ac")
PURCHASE = "0d3ad9a1-3a49-4c4e-8a05-1b0a8a4a4bd0"


def dsha(raw: bytes) -> bytes:
    return hashlib.sha256(hashlib.sha256(raw).digest()).digest()


def mine(prev: bytes, root: bytes, at: int) -> bytes:
    """A regtest header with its proof of work."""
    for nonce in range(1_000):
        raw = (
            (4).to_bytes(4, "little") + prev + root + at.to_bytes(4, "little")
            + (0x207FFFFF).to_bytes(4, "little") + nonce.to_bytes(4, "little")
        )  # fmt: skip
        if int.from_bytes(dsha(raw), "little") < 2**255 - 1:
            return raw
    raise AssertionError("no proof of work")


def transaction(value_sat: int, *, token: bytes = b"", script: bytes = SCRIPT) -> Transaction:
    spent = TxInput(Outpoint("ab" * 32, value_sat % 7), b"\1\1", 0xFFFFFFFF)
    outputs = (TxOutput(5_000, b"\x51"), TxOutput(value_sat, script, token))
    return Transaction(version=2, inputs=(spent,), outputs=outputs, locktime=0)


def members(*, upon: int = 9, paid: Transaction | None = None) -> dict[str, Any]:
    """An honest file's members before they are signed: one payment in block 5, proof and all."""
    paid = paid or transaction(20_000)
    leaves = [dsha(b"coinbase"), bytes.fromhex(paid.txid)[::-1]]
    chain = [mine(dsha(b"parent"), dsha(b"x"), 1_700_000_000)]
    for height in range(1 + upon):
        root = dsha(b"".join(leaves)) if height == 0 else dsha(b"y")
        chain.append(mine(dsha(chain[-1]), root, 1_700_000_600 + 600 * height))
    receipt = json.dumps(
        {
            "purchase": PURCHASE,
            "outputs": [f"{paid.txid}:1"],
            "paid_sat": paid.outputs[1].value_sat,
            "settled_at": "2026-11-22T11:00:00Z",
        }
    ).encode()
    signed = evidence_format.sign({}, KEY)["key"]
    assert signed == evidence_format.encode(_private().public_key().public_bytes_raw())
    return {
        "format": "kim-evidence-1",
        "made_at": "2026-11-22T12:00:00Z",
        "sale": {"purchase": PURCHASE, "title": "Nine recordings"},
        "invoice": {
            "network": "regtest",
            "state": "PAID",
            "flags": ["LATE"],
            "address": addresses.encode(SCRIPT, Network.REGTEST),
            "script": SCRIPT.hex(),
            "redeem_script": "",
            "confirmations": 2,
            "due_sat": 20_000,
            "accepted_sat": None,
            "settled_sat": 20_000,
            "settled_instantly": False,
        },
        "quotes": [{"due_sat": 20_000, "min_sat": 19_500, "rate": "400.00", "sources": ["a"]}],
        "outputs": [
            {
                "txid": paid.txid,
                "vout": 1,
                "value_sat": paid.outputs[1].value_sat,
                "raw": paid.serialize().hex(),
                "has_token": paid.outputs[1].has_token,
                "is_coinbase": False,
                "height": 5,
                "block_hash": dsha(chain[1])[::-1].hex(),
                "branch": [leaves[0][::-1].hex()],
                "position": 1,
                "rate": "400.00",
            }
        ],
        "chain": {
            "checkpoint_height": 0,
            "checkpoint": GENESIS.hex(),
            "blocks": [{"height": 5, "headers": b"".join(chain).hex()}],
        },
        "receipt": {
            "body": evidence_format.encode(receipt),
            "signature": evidence_format.encode(_private().sign(b"KIM1 receipt" + receipt)),
        },
    }


def _private() -> Any:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(KEY)


def judge(file: dict[str, Any], *, key: str = "") -> proofs.Verdict:
    return proofs.verify(json.dumps(file).encode(), now=NOW, key=key)


def signed(file: dict[str, Any]) -> dict[str, Any]:
    return evidence_format.sign(file, KEY)


def leaves_of(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from leaves_of(inner, (*path, name))
    elif isinstance(value, list):
        for at, inner in enumerate(value):
            yield from leaves_of(inner, (*path, at))
    else:
        yield path


def changed(file: dict[str, Any], path: tuple[Any, ...]) -> dict[str, Any]:
    """The file with one leaf changed by as little as it can be."""
    file = copy.deepcopy(file)
    place: Any = file
    for step in path[:-1]:
        place = place[step]
    old = place[path[-1]]
    match old:
        case bool():
            new: Any = not old
        case int():
            new = old + 1
        case None:
            new = 1
        case "":
            new = "00"
        case str():
            at = len(old) // 2
            new = old[:at] + ("1" if old[at] == "0" else "0") + old[at + 1 :]
    place[path[-1]] = new
    return file


HONEST = signed(members())
# What is refused for a reason of its own; everything else is covered by the signature alone.
REASONS = {
    ("format",): Fault.FORMAT,
    ("sale", "purchase"): Fault.RECEIPT,
    ("invoice", "network"): Fault.FORMAT,
    ("invoice", "address"): Fault.ADDRESS,
    ("invoice", "script"): Fault.ADDRESS,
    ("invoice", "redeem_script"): Fault.REDEEM,
    ("outputs", 0, "txid"): Fault.TXID,
    ("outputs", 0, "vout"): Fault.OUTPUT,
    ("outputs", 0, "value_sat"): Fault.OUTPUT,
    ("outputs", 0, "raw"): Fault.TXID,
    ("outputs", 0, "has_token"): Fault.OUTPUT,
    ("outputs", 0, "is_coinbase"): Fault.OUTPUT,
    ("outputs", 0, "height"): Fault.HEADERS,
    ("outputs", 0, "block_hash"): Fault.HEADERS,
    ("outputs", 0, "branch", 0): Fault.BRANCH,
    ("outputs", 0, "position"): Fault.BRANCH,
    ("chain", "checkpoint"): Fault.CHECKPOINT,
    ("chain", "blocks", 0, "height"): Fault.HEADERS,
    ("chain", "blocks", 0, "headers"): Fault.HEADERS,
    ("receipt", "body"): Fault.SIGNATURE,
    ("receipt", "signature"): Fault.SIGNATURE,
}


def test_an_honest_file_proves_its_payment() -> None:
    verdict = judge(HONEST)

    assert verdict.faults == ()
    assert verdict.proved_sat == 20_000
    assert [str(line)[:4] for line in verdict.lines] == ["ok  "] * len(verdict.lines)
    assert proofs.report(verdict)[-1] == "PROVED: 20000 sat"


@pytest.mark.parametrize("path", list(leaves_of(HONEST)), ids=lambda path: ".".join(map(str, path)))
def test_no_member_can_be_changed(path: tuple[Any, ...]) -> None:
    verdict = judge(changed(HONEST, path))

    assert not verdict.is_good
    assert verdict.faults[0] == REASONS.get(path, Fault.SIGNATURE)


@pytest.mark.parametrize("header", range(11))
@pytest.mark.parametrize("at", [0, 4, 36, 68, 72, 76])
def test_no_byte_of_a_header_can_be_changed(header: int, at: int) -> None:
    file = copy.deepcopy(HONEST)
    raw = bytearray.fromhex(file["chain"]["blocks"][0]["headers"])
    raw[header * 80 + at] ^= 1
    file["chain"]["blocks"][0]["headers"] = raw.hex()

    verdict = judge(file)

    if header == 10 and at in (0, 36, 68, 76):  # the last one is followed by none: its work decides
        assert verdict.faults[-1] == Fault.SIGNATURE
    else:
        assert verdict.faults[0] == Fault.HEADERS
        assert Fault.UNPAID in verdict.faults
        assert verdict.proved_sat == 0


def test_a_file_signed_anew_by_a_forger_is_another_instance_s() -> None:
    forged = copy.deepcopy(members())
    forged["sale"]["title"] = "Ten recordings"
    forged["receipt"] = None
    forged = evidence_format.sign(forged, b"\x55" * 32)

    assert judge(forged, key=HONEST["key"]).faults == (Fault.KEY,)
    assert judge(HONEST, key=HONEST["key"]).is_good


def test_a_forger_who_signs_cannot_forge_the_chain() -> None:
    more, twice, early = members(), members(), members()
    more["outputs"][0]["value_sat"] = 30_000
    twice["outputs"] *= 2
    early["chain"]["blocks"][0]["headers"] = early["chain"]["blocks"][0]["headers"][: 2 * 160]

    assert judge(signed(more)).faults == (Fault.OUTPUT, Fault.UNPAID, Fault.RECEIPT)
    assert judge(signed(twice)).faults == (Fault.FORMAT,)
    assert judge(signed(early)).faults == (Fault.UNPAID,)
    assert "1 deep, not 2" in "\n".join(proofs.report(judge(signed(early))))


def test_what_does_not_count_is_said_and_proves_nothing() -> None:
    token = bytes.fromhex("ef" + "22" * 32 + "10" + "01")
    with_token = members(paid=transaction(20_000, token=token))
    too_little = members(paid=transaction(19_000))
    unconfirmed, unproved = members(), members()
    unconfirmed["outputs"][0] |= {"height": None, "branch": None, "position": None}
    unproved["outputs"][0] |= {"branch": None, "position": None}

    for file in (with_token, too_little, unconfirmed, unproved):
        verdict = judge(signed(file))
        assert verdict.faults == (Fault.UNPAID,)
        assert proofs.report(verdict)[-1].startswith("NOT PROVED")


def test_a_forward_of_our_own_is_no_payment() -> None:
    passed_on = covenants.Forwarder(b"\1" * 16, SCRIPT, 600)
    spent = TxInput(Outpoint("ab" * 32, 0), passed_on.script_sig, 0xFFFFFFFF)
    paid = replace(transaction(20_000), inputs=(spent,))

    verdict = judge(signed(members(paid=paid)))

    assert verdict.faults == (Fault.UNPAID,)
    assert "a token, or a forward" in "\n".join(proofs.report(verdict))


def test_a_seller_who_took_less_was_paid() -> None:
    file = members(paid=transaction(15_000))
    file["invoice"]["accepted_sat"] = 15_000

    assert judge(signed(file)).is_good


def test_blocks_that_were_too_easy_are_not_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    bounded = replace(headers.RULES[Network.REGTEST], is_bounded=True)
    monkeypatch.setitem(headers.RULES, Network.REGTEST, bounded)
    assert judge(HONEST).is_good
    monkeypatch.setattr(proofs, "BOUND", 0)

    assert judge(HONEST).faults[0] == Fault.TOO_EASY


def test_blocks_of_the_future_are_not_believed() -> None:
    early = datetime(2020, 1, 1, tzinfo=UTC)

    verdict = proofs.verify(json.dumps(HONEST).encode(), now=early)

    assert verdict.faults[0] == Fault.HEADERS


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{}",
        b"\xff",
        b'{"format":"kim-evidence-1"}',
        b'{"format":"kim-evidence-1","format":"kim-evidence-1"}',
        json.dumps({**HONEST, "outputs": [{}]}).encode(),
        json.dumps({**HONEST, "chain": {"checkpoint": "00", "blocks": [{}]}}).encode(),
        json.dumps(HONEST).replace("20000", "20000.0").encode(),
        json.dumps(HONEST).replace('"vout": 1', '"vout": -1').encode(),
        json.dumps(HONEST).replace('"vout": 1', '"vout": true').encode(),
        b"[" * 100_000,
    ],
)
def test_what_is_no_evidence_file_is_refused_as_such(raw: bytes) -> None:
    assert proofs.verify(raw, now=NOW).faults == (Fault.FORMAT,)


def test_the_check_runs_without_django(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.json", tmp_path / "bad.json"
    good.write_text(json.dumps(HONEST))
    bad.write_text(json.dumps(changed(HONEST, ("outputs", 0, "value_sat"))))
    code = (
        "import sys; sys.modules['django'] = None;"
        "from payments import proofs; raise SystemExit(proofs.main(sys.argv[1:]))"
    )

    def run(*arguments: object) -> subprocess.CompletedProcess[str]:
        given = [sys.executable, "-c", code, *map(str, arguments)]
        return subprocess.run(given, cwd=ROOT, capture_output=True, text=True, check=False)

    assert (run(good).returncode, run(bad).returncode) == (0, 1)
    assert "BAD  [output_wrong]" in run(bad).stdout
    assert run(good, "--key", "AAAA").returncode == 1
    assert run(tmp_path / "none.json").returncode == 2
    assert run().returncode == 2


def keep_proofs(chain: Devchain) -> None:
    """The branches of all mined outputs, as the watcher keeps them."""
    asked = Client(chain.electrum_port)
    asked.ask("server.version", "test", ["1.5", "1.5"])
    for row in Output.objects.filter(height__isnull=False):
        told = asked.ask("blockchain.transaction.get_merkle", row.transaction_id, row.height)
        row.merkle_branch, row.merkle_position = told["result"]["merkle"], told["result"]["pos"]
        row.save()
    asked.socket.close()
    asked.lines.close()


def made(invoice_id: Any) -> dict[str, Any]:
    sale = {"purchase": PURCHASE, "title": "Nine recordings"}
    file = evidence.of(invoice_id, sale=sale, receipt=None, now=timezone.now())
    return dict(json.loads(json.dumps(file)))


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("kind", ["forwarder", "xpub"])
def test_a_real_payment_is_proved_by_its_file(chain: Devchain, kind: str, tmp_path: Path) -> None:
    invoice = sell(chain, confirmations=2, payout=payout_to(XPUB) if kind == "xpub" else None)
    chain.pay(invoice.address, 8_000)
    chain.mine()
    chain.pay(invoice.address, 12_000)
    chain.mine(2)
    paid = look(invoice.id)
    keep_proofs(chain)

    file = made(invoice.id)
    verdict = proofs.verify(json.dumps(file).encode(), now=timezone.now())

    assert paid.state == InvoiceState.PAID
    assert verdict.faults == ()
    assert verdict.proved_sat == 20_000
    assert len(file["chain"]["blocks"]) == 2
    assert [len(block["headers"]) // 160 for block in file["chain"]["blocks"]] == [4, 3]
    kept = tmp_path / "evidence.json"
    kept.write_text(json.dumps(file))
    call_command("verify_evidence", str(kept))
    kept.write_text(json.dumps({**file, "made_at": "never"}))
    with pytest.raises(SystemExit, match="1"):
        call_command("verify_evidence", str(kept))


@pytest.mark.django_db(transaction=True)
def test_a_file_says_what_was_not_kept(chain: Devchain) -> None:
    invoice = sell(chain)
    chain.pay(invoice.address, 20_000)
    seen = look(invoice.id)
    waiting = made(invoice.id)
    chain.mine()
    look(invoice.id)
    Output.objects.update(merkle_branch=[], merkle_position=None)

    old = made(invoice.id)

    assert seen.state == InvoiceState.SEEN
    assert (waiting["outputs"][0]["height"], waiting["outputs"][0]["branch"]) == (None, None)
    assert old["outputs"][0]["height"] == chain.height
    assert (old["outputs"][0]["branch"], old["outputs"][0]["position"]) == (None, None)
    verdict = proofs.verify(json.dumps(old).encode(), now=timezone.now())
    assert verdict.faults == (Fault.UNPAID,)
    assert "no proof was kept" in "\n".join(proofs.report(verdict))


@pytest.mark.django_db(transaction=True)
def test_a_file_is_made_in_few_queries(chain: Devchain, django_assert_num_queries: Any) -> None:
    invoice = sell(chain)
    for _ in range(4):
        chain.pay(invoice.address, 5_000)
        chain.mine()
    look(invoice.id)

    with django_assert_num_queries(4):
        made(invoice.id)


@pytest.mark.django_db
def test_there_is_no_evidence_of_nothing() -> None:
    with pytest.raises(InvoiceMissing):
        made(PURCHASE)
    assert settings.KIM_SIGNING_KEY == KEY
