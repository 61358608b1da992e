"""What the server says to somebody who reads German: refusals, orders, notices, e-mails, live events."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from django.core import mail as outbox
from django.core.cache import cache
from django.test import Client
from django.utils import translation

from payments.errors import BadPrice, PriceBelowFloor
from payments.states import InvoiceState
from payments.words import Words
from tests.unlock import sale
from tests.unlock.creating import signed_in
from tests.unlock.sale import NOW, Buyer
from unlock import live, mail, notices, outcomes, payout_changes, speech
from unlock.models import Creator, Notice, PayoutChange, Report
from unlock.states import NoticeKind

pytestmark = pytest.mark.django_db

GERMAN = {"Accept-Language": "de-AT,de;q=0.9,en;q=0.5"}


@pytest.fixture(autouse=True)
def no_limits() -> None:
    cache.clear()


def error(client: Client, path: str, **headers: str) -> Any:
    return client.get(path, headers=headers).json()["error"]


def test_a_refusal_is_german_for_people_and_the_same_code_for_programs() -> None:
    path = "/api/v1/files/00000000-0000-4000-8000-000000000000/"
    german, english = error(Client(), path, **GERMAN), error(Client(), path)

    assert german == {
        "code": "not_found",
        "message": "Diese Datei gibt es nicht.",
        "hint": "Prüfen Sie den Link.",
    }
    assert english == {
        "code": "not_found",
        "message": "There is no such file.",
        "hint": "Check the link.",
    }


def test_what_django_and_the_framework_refuse_is_german_too() -> None:
    client = Client()
    wrong = client.post("/api/v1/session/", b"{", content_type="application/json", headers=GERMAN)
    assert wrong.json()["error"]["code"] in ("not_json", "not_signed_in", "forbidden")
    assert error(client, "/api/v1/nowhere/", **GERMAN)["message"] == "Hier ist nichts."
    assert client.post("/api/v1/session/", headers=GERMAN, CONTENT_LENGTH="99999999").json()[
        "error"
    ] == {
        "code": "too_large",
        "message": "Die Anfrage ist zu groß.",
        "hint": "Dateien laufen nie über diesen Server.",
    }


def test_numbers_moments_and_amounts_are_written_as_the_reader_writes_them() -> None:
    said = Words.of(
        "{count} {amount} {at} {name}",
        count=10_000,
        amount=Decimal("1234.50"),
        at=datetime(2026, 11, 3, 7, 5, tzinfo=UTC),
        name="{count}",
    )
    assert str(said) == "10000 1234.50 03 November 2026, 07:05 UTC {count}"
    assert speech.tell(said) == str(said)
    assert speech.say_in("de", said) == "10.000 1234,50 3. November 2026, 07:05 UTC {count}"
    assert speech.say_in("de", Words.of("{a}", a=9999)) == "9999"


def test_braces_of_a_stranger_are_text() -> None:
    refused = BadPrice("A {price} of {currency}.", price="{currency}", currency="EUR")
    assert refused.message == "A {currency} of EUR."
    assert BadPrice("{not} {0} {a.b} a pattern").message == "{not} {0} {a.b} a pattern"
    assert str(PriceBelowFloor.after(refused)) == refused.message
    assert PriceBelowFloor.after(refused).said_hint == PriceBelowFloor.hint


def test_words_that_wait_in_a_row_come_out_as_they_went_in() -> None:
    words = Words.of(
        "{a}{b}{c}{d}",
        a=Words.of("x {n}", n=1),
        b=Decimal("0.10"),
        c=datetime(2026, 1, 2, tzinfo=UTC),
        d="text",
    )
    assert speech.unpacked(json.loads(json.dumps(speech.packed(words)))) == words


def test_a_purchase_says_how_it_stands_in_german_on_page_api_and_stream() -> None:
    sold = sale.publish()
    invoice = sale.owe(sold, InvoiceState.PARTIAL, seen_sat=4_000, missing_sat=6_000)
    buyer = Buyer()
    bought = buyer.purchase(sold, invoice_id=invoice.id)

    answer = buyer.client.get(f"/api/v1/purchases/{bought.id}/", headers=GERMAN).json()
    page = Client().get(f"/p/{bought.id}/status", headers=GERMAN).content.decode()
    sighting = live.read([bought.id])[bought.id]

    assert answer["says"].startswith("0,00004 ")
    assert "BCH" in answer["says"]
    assert " received" not in answer["says"]
    assert answer["says"] in page
    assert sighting.states["de"].says == answer["says"]
    assert sighting.state.says.startswith("0.00004 ")
    assert translation.get_language() == "en"  # nobody's language stays in the thread


def test_a_stream_speaks_the_language_of_its_page() -> None:
    sold = sale.publish()
    invoice = sale.owe(sold, InvoiceState.OPEN)
    bought = Buyer().purchase(sold, invoice_id=invoice.id)
    first = live.read([bought.id])[bought.id]

    async def begin(language: str) -> str:
        board = live.Board(redis_url="redis://127.0.0.1:1/0", reread=live.KEEPALIVE)
        try:
            async for state in board.follow(bought.id, first, language=language):
                return state.says if state is not None else ""
        finally:
            board.close()
        return ""

    assert asyncio.run(begin("de")).startswith("Es wird auf Ihre Zahlung gewartet.")
    assert asyncio.run(begin("en")).startswith("Waiting for your payment.")


def test_a_notice_is_read_in_the_language_of_the_moment() -> None:
    client = signed_in().client
    maya = Creator.objects.get()
    title = "Tom & {name} „Ära“"
    sold = notices.name_of(title)
    text = Words.of("{name} was taken for free.", name=sold)
    notices.tell(maya.id, NoticeKind.TAKEN_FREE, topic="a", text=text, now=NOW)
    Notice.objects.create(creator=maya, kind=NoticeKind.SOLD, topic="old", text="An old one.")

    german = client.get("/api/v1/notices/", headers=GERMAN).json()["notices"]
    english = client.get("/api/v1/notices/").json()["notices"]

    assert {row["text"] for row in german} == {
        f"„{title}“ wurde kostenlos geholt.",
        "An old one.",
    }
    assert {row["text"] for row in english} == {f"“{title}” was taken for free.", "An old one."}
    kinds = client.get("/api/v1/notices/wishes/", headers=GERMAN).json()["kinds"]
    assert "Eine Datei wurde verkauft" in {row["text"] for row in kinds}


def test_e_mails_speak_the_language_of_the_pages_their_creator_opens(settings: Any) -> None:
    settings.HAS_MAIL = True
    client = signed_in().client
    maya = Creator.objects.get()
    Creator.objects.filter(pk=maya.pk).update(email="a@b.example", email_confirmed_at=NOW)
    assert Creator.objects.get(pk=maya.pk).language == "en"

    client.get("/api/v1/notices/", headers=GERMAN)  # a call of a program's is no choice
    assert Creator.objects.get(pk=maya.pk).language == "en"
    client.get("/settings/", headers=GERMAN)
    assert Creator.objects.get(pk=maya.pk).language == "de"
    client.get("/settings/")  # names no language
    assert Creator.objects.get(pk=maya.pk).language == "de"

    payout_changes._tell(
        PayoutChange(creator=maya, due_at=NOW, asked_at=NOW),
        "asked",
        Words(payout_changes._ASKED, {"payout": "qq…x", "moment": NOW}),
        now=NOW,
    )
    assert mail.send_due(clock=lambda: NOW + mail.ONE_A_MINUTE) == 1
    sent = outbox.outbox[0]
    assert sent.subject == "kim: eine Mitteilung"
    assert sent.body.startswith(
        "1. März 2026, 12:00 UTC\nIhre Auszahlung soll am 1. März 2026, 12:00 UTC zu qq…x wechseln."
    )
    assert "Alle Mitteilungen: " in sent.body
    assert translation.get_language() == "en"


def test_whoever_reported_in_german_reads_the_outcome_in_german(settings: Any) -> None:
    settings.HAS_MAIL = True
    sold = sale.publish()
    told = {"kind": "illegal", "text": "Das darf hier nicht stehen.", "email": "eve@example.org"}
    path = f"/api/v1/files/{sold.file.id}/reports/"
    sent = Client().post(path, told, content_type="application/json", headers=GERMAN)
    assert sent.status_code == 201, sent.content
    row = Report.objects.get()
    assert row.language == "de"

    row.statement, row.mail_due_at = "So ist es.", NOW
    row.save()
    assert outcomes.send_due(clock=lambda: NOW) == 1
    assert outbox.outbox[0].subject == "kim: Ihre Meldung"
    assert outbox.outbox[0].body.startswith("Was Sie gemeldet haben, wurde von einem Menschen")
    assert "So ist es." in outbox.outbox[0].body
