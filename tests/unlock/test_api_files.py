"""The whole of a creator's work over HTTP: upload, deposit, self-test, publish, change, remove."""

from __future__ import annotations

import io
import logging
import os
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any

import pytest
from django.conf import settings as configured

from payments import addresses
from payments.states import Network
from tests.stores import Answer
from tests.unlock.creating import Browser, Sealed, b64, refusal, seal, signed_in
from tests.unlock.sale import Buyer
from unlock import container, uploads
from unlock.models import Copy, PaidFile, Upload
from unlock.states import FileState, UploadState
from unlock.tasks.keys import release_key
from unlock.tasks.uploads import abort_stale_uploads, resume_uploads, verify_upload

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

    from unlock.storage import S3Store

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("configured_store")]

PRICE = {"amount": "2.00", "currency": "EUR"}
ADDRESS = addresses.encode(
    bytes.fromhex("76a914") + b"\x11" * 20 + bytes.fromhex("88ac"), Network.REGTEST
)


@pytest.fixture
def maya() -> Browser:
    return signed_in("maya")


def put(url: str, body: bytes) -> Answer:
    request = urllib.request.Request(url, data=body, method="PUT")
    with urllib.request.urlopen(request, timeout=60) as answer:
        return Answer(answer.status, answer.read(), dict(answer.headers))


def fetch(signed: dict[str, Any]) -> bytes:
    request = urllib.request.Request(signed["url"], headers=signed.get("headers", {}))
    with urllib.request.urlopen(request, timeout=60) as answer:
        body: bytes = answer.read()
        return body


def begin(browser: Browser, sealed: Sealed) -> dict[str, Any]:
    answer = browser.post(
        "uploads/",
        {"size_bytes": len(sealed.body), "core_header": b64(sealed.core_header)},
    )
    assert answer.status_code == 201, answer.content
    said: dict[str, Any] = answer.json()
    return said


def upload(browser: Browser, sealed: Sealed) -> str:
    """As the page does it: begin, sign, PUT, complete; then the worker."""
    begun = begin(browser, sealed)
    numbers = list(range(1, begun["part_count"] + 1))
    signed = browser.post(f"uploads/{begun['id']}/parts/", {"numbers": numbers}).json()
    for part in signed["urls"]:
        at = (part["number"] - 1) * begun["part_bytes"]
        assert put(part["url"], sealed.body[at : at + part["bytes"]]).status == 200
    done = browser.post(f"uploads/{begun['id']}/completion/", {"content_id": sealed.content_id})
    assert (done.status_code, done.json()) == (202, {"state": "completing"})
    verify_upload(begun["id"])
    upload_id: str = begun["id"]
    return upload_id


def deposit(browser: Browser, file_id: str, sealed: Sealed, **changes: Any) -> Response:
    return browser.put(
        f"files/{file_id}/secret/",
        {
            "content_id": sealed.content_id,
            "generation": 0,
            "wrapped_key": b64(sealed.packed.wrapped_key),
            "h_s": sealed.h_s,
            "s": b64(sealed.secrets.release_secret),
            **changes,
        },
    )


def draft(browser: Browser, **said: Any) -> dict[str, Any]:
    answer = browser.post("files/", {"title": "Nine recordings", "price": PRICE, **said})
    assert answer.status_code == 201, answer.content
    made: dict[str, Any] = answer.json()
    return made


def selftest(browser: Browser, file_id: str, tester: Buyer) -> Response:
    return browser.post(
        f"files/{file_id}/selftest/",
        {"buyer_key": b64(tester.keys.public_key)},
        HTTP_AUTHORIZATION=f"Claim {b64(tester.claim)}",
    )


def run_selftest(browser: Browser, file_id: str) -> str:
    tester = Buyer()
    answer = selftest(browser, file_id, tester)
    assert answer.status_code == 201, answer.content
    purchase: str = answer.json()["purchase"]
    release_key(purchase)
    assert tester.client.post(f"/api/v1/purchases/{purchase}/release/").status_code == 200
    return purchase


def published(browser: Browser, sealed: Sealed) -> dict[str, Any]:
    browser.put("payout/", {"value": ADDRESS})
    made = draft(browser, upload=upload(browser, sealed))
    assert deposit(browser, made["id"], sealed).status_code == 204
    purchase = run_selftest(browser, made["id"])
    answer = browser.post(
        f"files/{made['id']}/publication/", {"selftest": purchase, "passed": True}
    )
    assert answer.status_code == 200, answer.content
    said: dict[str, Any] = answer.json()
    return said


# --- the story ----------------------------------------------------------------------------------


def test_a_creator_uploads_publishes_and_a_stranger_checks_the_link(maya: Browser) -> None:
    payload = os.urandom(9 * 1024 * 1024)
    sealed = seal(payload)

    said = published(maya, sealed)

    assert said["state"] == "published"
    assert said["upload"]["state"] == "verified"
    assert said["checks"] == {"selftest": True, "address_proven": False}
    offer = Browser().get(f"files/{said['id']}/").json()
    assert "upload" not in offer
    assert "income_sat" not in offer
    assert (offer["content_id"], offer["h_s"]) == (sealed.content_id, sealed.h_s)
    assert offer["core_header"] == b64(sealed.core_header)
    assert offer["wrapped_key"] == b64(sealed.packed.wrapped_key)
    assert (offer["size_bytes"], offer["payload_bytes"]) == (len(sealed.body), len(payload))
    assert offer["price"] == PRICE
    assert offer["creator"] == {"username": "maya"}
    assert len(offer["copies"]) == 1

    ranges = Browser().get(f"files/{said['id']}/ranges/").json()
    header, index = fetch(ranges["header"]), fetch(ranges["index"])
    core = container.CoreHeader.parse(header)
    tlvs = container.parse_tlvs(header[container.CORE_BYTES :], core)
    found = container.parse_index(index, core)
    assert container.content_id(core, found.root).hex() == sealed.content_id
    link_secret = sealed.secrets.link_secret
    assert container.open_meta(core, tlvs, link_secret).title == "Nine recordings"


def test_what_a_buyer_opens_is_what_the_creator_sealed(maya: Browser) -> None:
    payload = os.urandom(600_000)
    sealed = seal(payload)
    said = published(maya, sealed)
    tester = Buyer()
    purchase = selftest(maya, said["id"], tester).json()["purchase"]
    release_key(purchase)

    place = tester.client.post(f"/api/v1/purchases/{purchase}/location/").json()["urls"][0]
    whole = fetch(place)

    assert whole == sealed.body
    assert (place["bytes"], place["etag"]) == (len(whole), Copy.objects.get().etag)


def test_the_upload_tells_how_it_stands_all_the_way(maya: Browser) -> None:
    sealed = seal(os.urandom(9 * 1024 * 1024))
    begun = begin(maya, sealed)
    assert begun["file_id"] == sealed.packed.core.file_id.hex()
    assert (begun["part_bytes"], begun["part_count"]) == (8 * 1024 * 1024, 2)
    path = f"uploads/{begun['id']}/"

    signed = maya.post(f"{path}parts/", {"numbers": [2]}).json()
    body = sealed.body[8 * 1024 * 1024 :]
    assert [part["bytes"] for part in signed["urls"]] == [len(body)]
    put(signed["urls"][0]["url"], body)

    half = maya.get(path).json()
    assert (half["state"], half["error"]) == ("open", None)
    assert [(part["number"], part["bytes"]) for part in half["parts"]] == [(2, len(body))]
    early = maya.post(f"{path}completion/", {"content_id": sealed.content_id})
    assert refusal(early) == (409, "parts_missing")
    assert maya.get(path).json()["state"] == "open"
    assert maya.delete(path).status_code == 204
    assert maya.get(path).json()["state"] == "aborted"
    assert refusal(maya.post(f"{path}parts/", {"numbers": [1]})) == (409, "upload_closed")


def test_a_page_that_comes_back_is_told_which_parts_are_there(
    maya: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    sealed = seal(os.urandom(17 * 1024 * 1024))
    begun = begin(maya, sealed)
    path = f"uploads/{begun['id']}/parts/"
    assert maya.get(path).json() == {"parts": [], "is_last": True}
    signed = maya.post(path, {"numbers": [1, 3]}).json()
    sizes = {}
    for part in signed["urls"]:
        at = (part["number"] - 1) * begun["part_bytes"]
        put(part["url"], sealed.body[at : at + part["bytes"]])
        sizes[part["number"]] = part["bytes"]

    held = maya.get(path).json()
    assert {part["number"]: part["size_bytes"] for part in held["parts"]} == sizes
    assert all(part["etag"] for part in held["parts"])
    monkeypatch.setattr("unlock.views.uploads._PAGE_PARTS", 1)
    pages = [maya.get(f"{path}?after={after}").json() for after in (0, 1, 3)]
    assert [[part["number"] for part in page["parts"]] for page in pages] == [[1], [3], []]
    assert [page["is_last"] for page in pages] == [False, True, True]
    assert maya.get(f"{path}?after=-1").status_code == 400
    assert maya.get(f"{path}?after=x").status_code == 400


def test_a_page_that_comes_back_too_late_is_told_so(maya: Browser, store: S3Store) -> None:
    expired, closed = begin(maya, seal()), begin(maya, seal())
    row = Upload.objects.get(id=expired["id"])
    store.abort(row.copy.object_key, row.multipart_id)
    maya.delete(f"uploads/{closed['id']}/")

    assert refusal(maya.get(f"uploads/{expired['id']}/parts/")) == (410, "upload_expired")
    assert refusal(maya.get(f"uploads/{closed['id']}/parts/")) == (409, "upload_closed")


def test_the_tasks_of_the_beat_take_up_what_was_dropped(maya: Browser) -> None:
    sealed = seal()
    upload_id = upload(maya, sealed)
    Upload.objects.update(state=UploadState.COMPLETING, touched_at="2026-01-01T00:00:00Z")

    resume_uploads()  # without a broker: it asks, nobody hears, nothing breaks
    abort_stale_uploads()

    row = Upload.objects.get(id=upload_id)
    assert row.state == UploadState.COMPLETING
    assert row.touched_at.year > 2025


# --- refusals -----------------------------------------------------------------------------------


def test_publishing_names_what_is_missing(maya: Browser) -> None:
    sealed = seal()
    made = draft(maya)
    path = f"files/{made['id']}/publication/"
    body = {"selftest": str(uuid.uuid4()), "passed": True}

    assert refusal(maya.post(path, body)) == (409, "upload_not_verified")
    maya.patch(f"files/{made['id']}/", {"upload": upload(maya, sealed)})
    assert refusal(maya.post(path, body)) == (409, "secret_missing")
    deposit(maya, made["id"], sealed)
    assert refusal(maya.post(path, body))[1] == "payout_missing"
    maya.put("payout/", {"value": ADDRESS})
    maya.patch(f"files/{made['id']}/", {"price": {"amount": "0.00000001", "currency": "BCH"}})
    assert refusal(maya.post(path, body))[1] == "price_below_floor"
    maya.patch(f"files/{made['id']}/", {"price": PRICE})
    assert refusal(maya.post(path, body)) == (409, "selftest_missing")
    purchase = run_selftest(maya, made["id"])
    failed = {"selftest": purchase, "passed": False}
    assert refusal(maya.post(path, failed)) == (409, "selftest_missing")

    assert PaidFile.objects.get().state == FileState.DRAFT
    assert maya.post(path, {"selftest": purchase, "passed": True}).json()["state"] == "published"


def test_a_draft_is_its_creators_alone(maya: Browser) -> None:
    made = draft(maya, upload=upload(maya, seal()))
    eve = signed_in("eve-sells")

    for stranger in (Browser(), eve):
        assert refusal(stranger.get(f"files/{made['id']}/")) == (404, "not_found")
        assert refusal(stranger.get(f"files/{made['id']}/ranges/")) == (404, "not_found")
    assert refusal(eve.patch(f"files/{made['id']}/", {"title": "mine"})) == (404, "not_found")
    assert refusal(eve.delete(f"files/{made['id']}/")) == (404, "not_found")
    assert refusal(deposit(eve, made["id"], seal())) == (404, "not_found")
    assert refusal(Browser().patch(f"files/{made['id']}/", {})) == (401, "not_signed_in")
    assert selftest(eve, made["id"], Buyer()).status_code == 404

    assert maya.get(f"files/{made['id']}/").json()["title"] == "Nine recordings"
    assert maya.get(f"files/{made['id']}/ranges/").status_code == 200
    assert [row["id"] for row in maya.get("files/").json()["files"]] == [made["id"]]
    assert eve.get("files/").json() == {"files": [], "next": ""}


def test_an_upload_is_its_creators_alone(maya: Browser) -> None:
    sealed = seal()
    path = f"uploads/{begin(maya, sealed)['id']}/"
    eve = signed_in("eve-sells")

    assert refusal(eve.get(path)) == (404, "not_found")
    assert refusal(eve.delete(path)) == (404, "not_found")
    assert refusal(eve.get(f"{path}parts/")) == (404, "not_found")
    assert refusal(eve.post(f"{path}parts/", {"numbers": [1]})) == (404, "not_found")
    done = eve.post(f"{path}completion/", {"content_id": sealed.content_id})
    assert refusal(done) == (404, "not_found")
    assert maya.get(path).json()["state"] == "open"


def test_a_link_secret_in_a_text_is_refused(maya: Browser) -> None:
    link = f"https://kim.example/f/x#1.{b64(os.urandom(16))}"
    made = draft(maya)

    for body in ({"title": link}, {"description": f"here: {link}"}):
        answer = maya.patch(f"files/{made['id']}/", body)
        assert refusal(answer) == (400, "link_secret_in_text")
    answer = maya.post("files/", {"title": link, "price": PRICE})
    assert refusal(answer) == (400, "link_secret_in_text")

    assert PaidFile.objects.get().title == "Nine recordings"


def test_a_file_is_paused_sold_again_and_removed(maya: Browser) -> None:
    said = published(maya, seal())
    path = f"files/{said['id']}/"

    assert maya.patch(path, {"state": "paused"}).json()["state"] == "paused"
    assert Browser().get(path).json()["state"] == "paused"
    assert maya.patch(path, {"state": "published"}).json()["state"] == "published"
    assert refusal(maya.delete(path)) == (409, "move_refused")
    assert maya.patch(path, {"state": "removed"}).json()["state"] == "removed"
    assert refusal(maya.patch(path, {"state": "published"})) == (409, "move_refused")

    seen = Browser().get(path).json()
    assert (seen["state"], seen["title"]) == ("removed", "")
    # Whoever bought must still be able to check and open it.
    assert Browser().get(f"{path}ranges/").status_code == 200


def test_a_draft_is_not_published_by_a_mere_change(maya: Browser) -> None:
    made = draft(maya)

    answer = maya.patch(f"files/{made['id']}/", {"state": "published"})

    assert refusal(answer) == (409, "move_refused")
    assert maya.delete(f"files/{made['id']}/").status_code == 204
    assert refusal(maya.get(f"files/{made['id']}/")) == (404, "not_found")


@pytest.mark.parametrize(
    "change",
    [
        {"price": 2},
        {"price": {"amount": 2.0, "currency": "EUR"}},
        {"price": {"amount": "2.001", "currency": "EUR"}},
        {"price": {"amount": "-1", "currency": "EUR"}},
        {"price": {"amount": "NaN", "currency": "EUR"}},
        {"price": {"amount": "1e400", "currency": "EUR"}},
        {"price": {"amount": "2", "currency": "euro"}},
        {"price": {"amount": "2", "currency": "EUR", "x": "y"}},
        {"confirmations": 0},
        {"confirmations": 3},
        {"confirmations": "many"},
        {"upload": "not-an-id"},
        {"state": "draft"},
        {"title": ""},
        {"title": None},
        {"title": "x" * 401},
        {"title": "nul\0"},
        {"description": ["a"]},
    ],
)
def test_a_malformed_change_changes_nothing(maya: Browser, change: dict[str, Any]) -> None:
    made = draft(maya)

    answer = maya.patch(f"files/{made['id']}/", change)

    assert refusal(answer) == (400, "invalid")
    assert maya.get(f"files/{made['id']}/").json() == made


@pytest.mark.parametrize(
    "change",
    [
        {"s": b64(b"s" * 31)},
        {"s": "*" * 43},
        {"wrapped_key": b64(b"w" * 59)},
        {"h_s": "F" * 64},
        {"h_s": "0" * 63},
        {"content_id": "x" * 64},
        {"generation": -1},
        {"generation": 2**32},
    ],
)
def test_a_malformed_deposit_keeps_nothing(maya: Browser, change: dict[str, Any]) -> None:
    sealed = seal()
    made = draft(maya, upload=upload(maya, sealed))

    answer = deposit(maya, made["id"], sealed, **change)

    assert refusal(answer) == (400, "invalid")
    assert bytes(PaidFile.objects.get().s_sealed) == b""


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"size_bytes": 1, "core_header": b64(bytes(128))}, "not_a_container"),
        ({"size_bytes": 0, "core_header": b64(bytes(128))}, "invalid"),
        ({"size_bytes": 1, "core_header": b64(bytes(127))}, "invalid"),
        ({"size_bytes": 10**30, "core_header": b64(bytes(128))}, "not_a_container"),
        ({"size_bytes": True, "core_header": 5}, "invalid"),
    ],
)
def test_a_malformed_upload_begins_nothing(maya: Browser, body: dict[str, Any], code: str) -> None:
    assert refusal(maya.post("uploads/", body)) == (400, code)

    assert not Upload.objects.exists()


def test_a_size_that_does_not_fit_and_a_file_that_is_too_large_are_told_apart(
    maya: Browser, settings: Any
) -> None:
    sealed = seal(b"x" * 1000)
    body = {"size_bytes": len(sealed.body), "core_header": b64(sealed.core_header)}

    wrong = maya.post("uploads/", {**body, "size_bytes": len(sealed.body) - 1})
    settings.KIM_MAX_FILE_BYTES = 999

    assert refusal(wrong) == (400, "size_mismatch")
    assert refusal(maya.post("uploads/", body)) == (413, "file_too_large")
    assert not Upload.objects.exists()


# --- secrets ------------------------------------------------------------------------------------


def test_the_release_secret_is_nowhere_but_sealed(
    maya: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    sealed = seal(b"PLAINTEXT MARKER " * 100)
    made = published(maya, sealed)

    from django.core.management import call_command

    dump = io.StringIO()
    call_command("dumpdata", stdout=dump)
    texts = (dump.getvalue(), caplog.text, maya.get(f"files/{made['id']}/").content.decode())

    secrets = sealed.secrets
    for secret in (secrets.release_secret, secrets.link_secret, secrets.content_key):
        for text in texts:
            assert secret.hex() not in text
            assert b64(secret) not in text
            assert repr(secret)[2:-1] not in text
    assert all("PLAINTEXT MARKER" not in text for text in texts)
    assert b"PLAINTEXT MARKER" not in sealed.body


def test_a_container_of_an_unverified_upload_is_never_served(maya: Browser) -> None:
    sealed = seal()
    begun = begin(maya, sealed)
    made = draft(maya, upload=begun["id"])

    assert refusal(maya.get(f"files/{made['id']}/ranges/")) == (409, "upload_not_verified")
    assert uploads.wrong_parts(Upload.objects.get(), ()) == [1]
    assert configured.KIM_STORES[0].name == "test"


def test_a_found_file_is_looked_up_by_the_name_of_its_content(maya: Browser) -> None:
    sealed = seal()
    path = f"contents/{sealed.content_id}/"
    made = draft(maya, upload=upload(maya, sealed))
    unpublished = refusal(maya.get(path))
    said = published(maya, seal(b"another"))
    other = PaidFile.objects.get(id=said["id"])

    found = Browser().get(f"contents/{other.container.content_id}/").json()  # type: ignore[union-attr]

    assert unpublished == (404, "not_found")
    assert made["id"] != said["id"] == found["id"]
    assert found == Browser().get(f"files/{said['id']}/").json()
    assert "income_sat" not in maya.get(f"contents/{found['content_id']}/").json()
    assert refusal(Browser().get(f"contents/{'0' * 64}/")) == (404, "not_found")
    assert refusal(Browser().get("contents/x%00'--/")) == (404, "not_found")


def test_whoever_uploads_a_found_file_again_does_not_take_its_place(maya: Browser) -> None:
    sealed = seal()
    first = published(maya, sealed)
    eve = signed_in("eve-sells")
    second = published(eve, sealed)

    found = Browser().get(f"contents/{sealed.content_id}/").json()

    assert first["content_id"] == second["content_id"]
    assert (found["id"], found["creator"]) == (first["id"], {"username": "maya"})
