"""Reports: who may send what, what a proof shows, and what becomes of it."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail as mailbox
from django.test import Client
from pytest_django.fixtures import Settings

from tests.unlock.creating import Browser, Sealed, b64, refusal, seal, signed_in
from tests.unlock.sale import NOW, Sold, publish
from tests.unlock.test_api_files import published
from unlock import container, outcomes, reports, sightings
from unlock.models import PaidFile, Report
from unlock.moderation_errors import ProofUnreadable
from unlock.states import FileState, ReportState

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unlimited")]

SECRET = "1." + "A" * 22
ROOM = 2**18 - 32


def body(**changes: Any) -> dict[str, Any]:
    return {"kind": "fraud", "text": "It is a list of random words.", **changes}


def notice(**changes: Any) -> dict[str, Any]:
    facts = {
        "kind": "rights",
        "name": "Ida Lund",
        "email": "ida@example.org",
        "work": "The song “Nine”, whose rights I hold",
        "good_faith": True,
    }
    return body(**{**facts, **changes})


def send(sold: Sold | str, said: dict[str, Any]) -> Any:
    file_id = sold if isinstance(sold, str) else sold.file.id
    # No cookie, no token, no account: a browser that was never here.
    return Browser().call("post", f"files/{file_id}/reports/", said)


def proof_of(sealed: Sealed, segment: int, **changes: Any) -> dict[str, Any]:
    core = sealed.packed.core
    index = container.parse_index(sealed.body[core.index_offset :], core)
    floe = container.open_content(core, sealed.secrets.content_key)
    facts = {
        "content_id": sealed.content_id,
        "segment": segment,
        "row": b64(index.rows[segment * 64 : segment * 64 + 64]),
        "path": b64(b"".join(container.path_of(core, index, segment))),
        "key": b64(floe.segment_key(floe.message_key(), segment)),
    }
    return {**facts, **changes}


# --- what may be sent -----------------------------------------------------------------------------


def test_anybody_reports_a_file_and_reads_the_outcome_by_its_reference() -> None:
    sold = publish()

    sent = send(sold, body(email="noor@example.org"))

    assert sent.status_code == 201
    reference = sent.json()["reference"]
    kept = Report.objects.get()
    assert (kept.reference, kept.kind, kept.state) == (reference, "fraud", "open")
    assert (kept.text, kept.email) == ("It is a list of random words.", "noor@example.org")
    assert kept.content_id == sold.file.container.content_id  # type: ignore[union-attr]
    assert len(reference) >= 24
    page = Client().get(f"/reports/{reference}")
    assert page.status_code == 200
    assert "Your report is with us" in page.content.decode()
    assert "noor@example.org" not in page.content.decode()
    assert Client().get(f"/reports/{reference[:-1]}").status_code == 404


@pytest.mark.parametrize("state", [FileState.PAUSED, FileState.REMOVED])
def test_what_is_not_sold_any_more_can_be_reported(state: FileState) -> None:
    sold = publish(state=state)

    assert Client().get(f"/f/{sold.file.id}/report").status_code == 200
    assert send(sold, body()).status_code == 201


def test_a_draft_has_no_form_and_takes_no_report() -> None:
    draft = publish(state=FileState.DRAFT)

    assert Client().get(f"/f/{draft.file.id}/report").status_code == 404
    assert refusal(send(draft, body())) == (404, "not_found")
    assert not Report.objects.exists()


@pytest.mark.parametrize(
    ("said", "code"),
    [
        (body(text="short"), "report_invalid"),
        (body(kind="nonsense"), "invalid"),
        (body(email="nobody"), "invalid"),
        (body(text="x" * 4001), "invalid"),
        (body(text="a\u202eb in the other direction"), "text_invalid"),
        (notice(name=""), "report_invalid"),
        (notice(email=""), "report_invalid"),
        (notice(work=" "), "report_invalid"),
        (notice(good_faith=False), "report_invalid"),
    ],
)
def test_what_says_too_little_is_refused_and_not_kept(said: dict[str, Any], code: str) -> None:
    assert refusal(send(publish(), said)) == (400, code)
    assert not Report.objects.exists()


def test_a_rights_holders_notice_keeps_its_legal_fields() -> None:
    assert send(publish(), notice()).status_code == 201

    kept = Report.objects.get()
    assert (kept.name, kept.email, kept.is_good_faith) == ("Ida Lund", "ida@example.org", True)
    assert kept.work == "The song “Nine”, whose rights I hold"


def test_the_secret_halves_of_links_are_cut_on_arrival_too() -> None:
    link = f"https://kim.example/f/1#{SECRET}"

    assert (
        send(publish(), notice(text=f"See {link} there", work=f"{link}, mine")).status_code == 201
    )
    hidden = body(text=f"See 1\u200b.{'A' * 22} there")
    assert refusal(send(publish(), hidden)) == (400, "link_secret_in_text")

    kept = Report.objects.get()
    assert (kept.text, kept.work) == (
        "See https://kim.example/f/1 there",
        "https://kim.example/f/1, mine",
    )


def test_one_address_reports_a_file_three_times_a_day_and_another_one_still_may() -> None:
    sold, other = publish(), publish()

    assert [send(sold, body()).status_code for _ in range(4)] == [201, 201, 201, 429]
    assert refusal(send(sold, body())) == (429, "reports_enough")
    assert send(other, body()).status_code == 201
    assert Report.objects.filter(paid_file=sold.file).count() == 3


def test_a_flood_of_one_file_stops_when_enough_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reports, "OPEN_MOST", 2)
    sold = publish()

    assert [send(sold, body()).status_code for _ in range(3)] == [201, 201, 429]
    Report.objects.filter(paid_file=sold.file).update(state=ReportState.DISMISSED)
    assert send(sold, body()).status_code == 201


# --- proofs ---------------------------------------------------------------------------------------


@pytest.mark.usefixtures("configured_store")
def test_a_proof_shows_its_one_segment_and_nothing_else() -> None:
    payload = os.urandom(2 * ROOM) + b"the last words"
    film = seal(payload)
    said = published(signed_in("maya"), film)

    assert send(said["id"], body(proof=proof_of(film, 2))).status_code == 201

    kept = Report.objects.get()
    opened = reports.open_segment(kept, now=NOW)
    assert (opened.segment, opened.plain) == (2, b"the last words")
    # The key is sealed at rest, and neither it nor the key of the file stands anywhere.
    key = proof_of(film, 2)["key"]
    columns = Report.objects.values().get()
    assert container.decode_b64url(key) not in bytes(columns["proof"]) + bytes(
        columns["sealed_key"]
    )
    assert film.secrets.content_key not in bytes(columns["sealed_key"])


@pytest.mark.usefixtures("configured_store")
def test_every_false_proof_is_refused_and_nothing_is_kept() -> None:
    film, other = seal(os.urandom(3 * ROOM)), seal(os.urandom(3 * ROOM))
    said = published(signed_in("maya"), film)
    good, theirs = proof_of(film, 1), proof_of(other, 1)
    false = [
        theirs,
        {**good, "key": theirs["key"]},
        {**good, "key": proof_of(film, 0)["key"]},
        {**good, "segment": 0},
        {**good, "segment": 3},
        {**good, "segment": 2**40},
        {**good, "row": theirs["row"]},
        {**good, "path": ""},
        {**good, "path": theirs["path"]},
        {**good, "path": good["path"] * 2},
        {**good, "path": "AAAA"},
        {**good, "content_id": "00" * 32},
    ]

    for proof in false:
        assert refusal(send(said["id"], body(proof=proof))) == (400, "proof_wrong"), proof
    assert not Report.objects.exists()
    assert send(said["id"], body(proof=good)).status_code == 201


@pytest.mark.usefixtures("configured_store")
def test_a_proof_whose_bytes_are_gone_cannot_be_seen_any_more() -> None:
    film = seal()
    said = published(signed_in("maya"), film)
    send(said["id"], body(proof=proof_of(film, 0)))
    held = PaidFile.objects.get().container
    assert held is not None
    held.copies.update(verified_at=None)

    with pytest.raises(ProofUnreadable):
        reports.open_segment(Report.objects.get(), now=NOW)


def test_a_piece_is_shown_as_bytes_that_cannot_act() -> None:
    page, svg = b"<script>alert(1)</script>", b"<svg onload='x'/>"
    png = b"\x89PNG\r\n\x1a\n" + bytes(10)

    assert sightings.of(page, "text") == sightings.Sighting(page, "text/plain; charset=utf-8")
    assert sightings.of(b"\xff\xfe", "text").body == "\ufffd\ufffd".encode()
    assert sightings.of(png, "image") == sightings.Sighting(png, "image/png")
    assert sightings.of(svg, "image").content_type == "text/plain; charset=utf-8"
    assert sightings.of(page, "image").body.startswith(b"This piece does not begin")
    assert sightings.of(b"kim!", "hex").body == (
        b"00000000  6b 69 6d 21                                      kim!"
    )
    assert b"that is proved" in sightings.of(None, "image").body


# --- outcomes -------------------------------------------------------------------------------------


def test_the_outcome_goes_to_the_address_once_and_the_address_is_forgotten(
    settings: Settings,
) -> None:
    settings.HAS_MAIL = True
    sold = publish()
    send(sold, body(email="noor@example.org"))
    send(sold, notice())
    Report.objects.update(
        state=ReportState.ACTED, statement="It was removed: it is no film.", mail_due_at=NOW
    )

    assert outcomes.send_due(clock=lambda: NOW) == 2
    assert outcomes.send_due(clock=lambda: NOW + timedelta(hours=2)) == 0

    assert sorted(each.to[0] for each in mailbox.outbox) == ["ida@example.org", "noor@example.org"]
    assert "It was removed: it is no film." in mailbox.outbox[0].body
    assert f"/reports/{Report.objects.get(kind='fraud').reference}" in "".join(
        str(each.body) for each in mailbox.outbox
    )
    assert Report.objects.get(kind="fraud").email == ""
    assert Report.objects.get(kind="rights").email == "ida@example.org"
