"""docs/webhooks.md is what people program against: its table, its example and its snippets hold."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest

from payments.events import EventView
from payments.states import EventKind, InvoiceState, can_move
from tests.unlock.sale import NOW
from unlock import deliveries, webhook_events

PAGE = (Path(__file__).resolve().parents[2] / "docs/webhooks.md").read_text()
MONEY = {"PARTIAL", "SEEN", "SUSPECT", "PAID"}
BODY = '{"type":"test","title":"Größe"}'.encode()
SECRET = "kimwh_secret"


def rows() -> dict[str, str]:
    table = PAGE.split("## Events")[1].split("## ")[0]
    return dict(re.findall(r"^\| `([a-z_.]+)` \| (.+?) \|", table, re.MULTILINE))


def documented(event: EventView) -> list[str]:
    """What the table says, read without the product's own."""
    moved = event.was not in ("", event.state.value)
    found = []
    for name, when in rows().items():
        condition = when.partition(":")[0]
        froms = re.findall(r"`([A-Z]+)` →", condition)
        tos = re.findall(r"`([A-Z]+)`", condition.partition("→")[2]) if "→" in condition else []
        kinds = re.findall(r"`([a-z_]+)`", condition)
        if "from a state with money" in condition:
            hit = moved and event.was in MONEY and event.state == "OPEN"
        elif moved and tos:
            hit = event.state.value in tos and (not froms or event.was in froms)
        else:
            hit = not moved and event.kind.value in kinds
        if hit:
            found.append(name)
    return found


@pytest.mark.parametrize("kind", EventKind)
def test_every_event_is_called_what_the_table_says(kind: EventKind) -> None:
    for was in ["", *InvoiceState]:
        for state in InvoiceState:
            event = view(kind, str(was), state)
            if was and not can_move(InvoiceState(was), state):
                continue
            told = list(webhook_events.names_of(event))
            assert sorted(told) == sorted(documented(event)), (kind, was, state)


def test_the_table_names_every_event_and_no_other() -> None:
    assert set(rows()) == {*webhook_events.NAMES, webhook_events.TEST}


def test_the_example_has_the_fields_that_are_sent() -> None:
    example: dict[str, Any] = json.loads(block("json"))
    message = webhook_events.Message(kind="test", created_at=NOW, data={})
    sent = json.loads(
        webhook_events.body_of(message, delivery_id=UUID(int=1), original_id=UUID(int=1))
    )

    assert list(example) == list(sent)


def test_the_python_snippet_tells_ours_from_others() -> None:
    names: dict[str, Any] = {}
    exec(block("python"), names)  # noqa: S102 - the very text people copy
    is_ours = names["is_ours"]
    now = datetime.now(UTC)
    header = deliveries.sign(SECRET, BODY, now=now)
    at = now.timestamp()

    assert header == f"t={int(at)},v1=" + expected(int(at))
    assert is_ours(SECRET, header, BODY)
    assert is_ours(SECRET, header, BODY, now=at + 299)
    assert not is_ours(SECRET, header, BODY, now=at + 301)
    assert not is_ours("kimwh_other", header, BODY)
    assert not is_ours(SECRET, header, BODY + b" ")
    assert not is_ours(SECRET, header.replace("t=", "t=1"), BODY)
    for broken in ("", "t=,v1=", "t=x,v1=y", "v1=ü", "t=٣,v1=a", "t=1"):
        assert not is_ours(SECRET, broken, BODY)


def test_the_javascript_snippet_tells_the_same(tmp_path: Path) -> None:
    header = deliveries.sign(SECRET, BODY, now=NOW)
    cases = [
        [SECRET, header, BODY.decode(), NOW.timestamp()],
        ["kimwh_other", header, BODY.decode(), NOW.timestamp()],
        [SECRET, header, BODY.decode() + " ", NOW.timestamp()],
        [SECRET, header, BODY.decode(), NOW.timestamp() + 301],
        [SECRET, "t=1", BODY.decode(), NOW.timestamp()],
        [SECRET, "", BODY.decode(), NOW.timestamp()],
    ]
    script = tmp_path / "check.mjs"
    call = f"\nconsole.log(JSON.stringify({json.dumps(cases)}.map((each) => isOurs(...each))));\n"
    script.write_text(block("js") + call)

    done = subprocess.run(["node", script], capture_output=True, text=True, check=True, timeout=30)

    assert json.loads(done.stdout) == [True, False, False, False, False, False]


def expected(moment: int) -> str:
    return hmac.new(SECRET.encode(), f"{moment}.".encode() + BODY, hashlib.sha256).hexdigest()


def block(language: str) -> str:
    return PAGE.split(f"```{language}\n")[1].split("```")[0]


def view(kind: EventKind, was: str, state: InvoiceState) -> EventView:
    return EventView(
        position=1, invoice_id=UUID(int=1), seq=1, was=was, state=state, flags=(), kind=kind, at=NOW
    )
