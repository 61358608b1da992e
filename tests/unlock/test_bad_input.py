"""Bad input gets a clear error of the one shape, and nothing moves: every route, every body.

The loop goes over docs/openapi.yaml, so a new call is tried without anybody thinking of it.
"""

from __future__ import annotations

import hashlib
import json
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from django.apps import apps
from django.utils import timezone

from tests.unlock.creating import Browser, b64, derive, refusal, seal, sign_up, signed_in
from tests.unlock.sale import OFF_CURVE, Buyer, Sold, owe, publish
from unlock import tokens
from unlock.models import Copy, Creator, Delivery, Measure, PaidFile, Upload, Webhook
from unlock.scopes import Scope
from unlock.states import FileState, UploadState

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unlimited")]

API = yaml.safe_load((Path(__file__).resolve().parents[2] / "docs/openapi.yaml").read_text())
METHODS = ("get", "post", "put", "patch", "delete")
SECRET = "A" * 22
NOWHERE = str(uuid.UUID(int=0))

# Bodies that are wrong before anybody looks for a field.
NOT_JSON = [b"{", b"\xff\xfe{}", b"NaN", b'{"a": Infinity}', b"[" * 100_000, b"nonsense", b'"\xff"']
NOT_AN_OBJECT = [b"[]", b"7", b"null", b'"text"', b"true", b"1e400", b"[[[]]]"]

# Values that are wrong, or odd, wherever they stand.
ODD: list[Any] = [
    None, True, -1, 0, 2**31, 2**63, 10**40, 1.5, "", " ", "\0", "x\0y", "\ud800", "a" * 5000,
    "%00", "../..", NOWHERE, [], [[]], {}, [None], {"amount": 1}, "=", "====", "ÿ", "1e400",
    {"amount": "1000000000000", "currency": "EUR"}, {"amount": "-1", "currency": "EUR"},
    {"amount": "999999999999.99", "currency": "EUR"}, {"amount": "1", "currency": "\0\0\0"}, {"amount": ["1"], "currency": {}}, "3QJmnh",
    [1, 1, 1], [0], [-5], list(range(1, 30)), [2**70], ["1"], [[1]],
]  # fmt: skip


@dataclass(frozen=True)
class Cast:
    """maya's things, and eve's, as ids."""

    maya: Browser
    buyer: Buyer
    sold: Sold
    ids: dict[str, list[str]]


def an_upload(owner: Creator, *, state: UploadState = UploadState.VERIFIED) -> Upload:
    sold = publish(owner, state=FileState.DRAFT)
    held = sold.file.container
    assert held is not None
    return Upload.objects.create(
        creator=owner,
        container=held,
        copy=Copy.objects.get(container=held),
        state=state,
        multipart_id="m",
        part_bytes=8 * 2**20,
        part_count=1,
    )


@pytest.fixture
def cast() -> Cast:
    maya = signed_in("maya")
    owner, eve = Creator.objects.get(), sign_up("eve")[0]
    sold, hers, draft = publish(owner), publish(eve), publish(owner, state=FileState.DRAFT)
    buyer = Buyer()
    bought = buyer.purchase(sold, invoice_id=owe(sold).id)
    theirs = Buyer().purchase(hers, invoice_id=owe(hers).id)
    ids = {
        "file_id": [str(sold.file.id), str(draft.file.id), str(hers.file.id), NOWHERE],
        "upload_id": [str(an_upload(owner).id), str(an_upload(eve).id), NOWHERE],
        "purchase_id": [str(bought.id), str(theirs.id), NOWHERE],
        **_hooks(owner, eve),
        "token_id": [_token(owner), _token(eve), NOWHERE],
        "measure_id": [_measure(sold), _measure(hers), NOWHERE],
        "copy_id": [str(Copy.objects.filter(container__creator=owner)[0].id), NOWHERE],
    }
    return Cast(maya, buyer, sold, ids)


def _measure(sold: Sold) -> str:
    made = Measure.objects.create(paid_file=sold.file, kind="pause", reason="A fraud.")
    return str(made.pk)


def _hooks(*creators: Creator) -> dict[str, list[str]]:
    hooks = [
        Webhook.objects.create(creator=each, url="https://192.0.2.1/", sealed_secret=b"x")
        for each in creators
    ]
    sent = [Delivery.objects.create(webhook=each, kind="test", body="{}") for each in hooks]
    return {
        "webhook_id": [*(str(each.id) for each in hooks), NOWHERE],
        "delivery_id": [str(sent[0].id), NOWHERE],
    }


def _token(owner: Creator) -> str:
    scopes = [Scope.FILES_READ]
    row, _ = tokens.make(owner, name="t", scopes=scopes, days=1, now=timezone.now())
    return str(row.id)


def operations() -> list[tuple[str, str, tuple[str, ...]]]:
    """(method, path below /api/v1/, names of the body's members) of every call in the schema."""
    found = []
    for path, calls in API["paths"].items():
        for method in set(METHODS) & set(calls):
            content = calls[method].get("requestBody", {}).get("content", {})
            reference = content.get("application/json", {}).get("schema", {}).get("$ref", "")
            schema = API["components"]["schemas"].get(reference.rpartition("/")[2], {})
            found.append(
                (method, path.removeprefix("/api/v1/"), tuple(schema.get("properties", ())))
            )
    return sorted(found)


def members(cast: Cast) -> dict[str, Any]:
    """A good value for every member that any call takes."""
    sealed = seal(b"x")
    return {
        "username": "noor", "salt": b64(b"s" * 16), "derived": derive("guess"), "invitation": "i",
        "new_salt": b64(b"t" * 16), "new_derived": derive("other"), "value": "bchreg:qq",
        "size_bytes": len(sealed.body), "core_header": b64(sealed.core_header), "numbers": [1],
        "content_id": "ab" * 32, "title": "t", "description": "d", "confirmations": 1,
        "price": {"amount": "2.00", "currency": "EUR"}, "upload": cast.ids["upload_id"][0],
        "state": "paused", "generation": 0, "wrapped_key": b64(b"w" * 60), "h_s": "cd" * 32,
        "s": b64(b"s" * 32), "is_for_earlier": True, "keys": [one_key()], "buyer_key": b64(OFF_CURVE), "selftest": NOWHERE, "passed": True,
        "is_instant": False, "stream_only": False, "entries": b64(b"e" * 40), "confirmed": False,
        "url": "https://192.0.2.1/x.kim", "kind": "text", "email": "maya@example.org",
        "code": "12345678", "ids": [NOWHERE], "muted": ["sold"], "copy": NOWHERE, "offset": 0,
        "step": "open", "segment": 0, "address": "bchreg:qq", "body": b64(b"b" * 40),
        "signature": b64(b"g" * 64), "currency": "EUR", "rate": "400", "raw": "00",
        "scripts": ["a914" + "00" * 20 + "87"], "note": b64(b"n" * 44), "due_sat": 1000, "honour_sats": False,
        "tolerance_bps": 100, "instant_invoice_sat": 0, "instant_total_sat": 0, "kinds": [],
        "is_active": True, "pays": {"amount": "2.00", "currency": "EUR"}, "tip": None,
        "reference": "4711", "return_url": "https://shop.example/", "pricing": {"kind": "fixed"},
        "is_gift": False, "percent": 10, "amount_off": None, "quantity": 5, "starts_at": None,
        "ends_at": None, "count": 1, "vault": {"sealed_root": b64(b"r" * 60), "recovery_hash": "ab" * 32},
        "deposits": [{"file": NOWHERE, "generation": 0, "s": b64(b"s" * 32)}],
        "sealed_root": b64(b"r" * 60), "recovery_hash": "ab" * 32, "recovery": b64(b"v" * 32),
        "about": "a", "contact": "c", "text": "**d**", "access_hash": "ab" * 32, "files": [],
        "showcase": {"is_adult": True},
        "claims": [b64(b"c" * 32)], "purchase": NOWHERE, "given": 0,
        "name": "shop", "scopes": ["files:read"], "days": 30,
        "work": "w", "good_faith": True, "proof": None,
    }  # fmt: skip


def one_key() -> dict[str, Any]:
    share = {"wrapped_key": b64(b"w" * 60), "h_s": "cd" * 32, "s": b64(b"s" * 32)}
    return {"link_generation": 0, "generation": 1, **share, "meta_link": b64(b"m" * 284)}


def bodies(names: tuple[str, ...], good: dict[str, Any]) -> Iterator[bytes]:
    yield from NOT_JSON
    yield from NOT_AN_OBJECT
    yield b"{}"
    yield json.dumps({"unknown": 1, "__proto__": {}, "": None}).encode()
    whole = {each: good[each] for each in names if each != "upload"}  # one file each: used once
    for odd in ODD:
        if names:
            yield json.dumps(dict.fromkeys(names, odd)).encode()
        for name in names:
            yield json.dumps({**whole, name: odd}).encode()


def places(path: str, cast: Cast) -> list[str]:
    """The path with each of the ids that its arguments may hold."""
    found = [path]
    for name, ids in cast.ids.items():
        if f"{{{name}}}" in path:
            found = [each.replace(f"{{{name}}}", one) for one in ids for each in found]
    return found


def wrong(answer: Any) -> str:
    """Why this answer is no clean one; empty if it is."""
    if answer.status_code < 400:
        return ""
    if answer.status_code >= 500 and answer.status_code != 503:
        return f"{answer.status_code} {answer.content[:300]!r}"
    try:
        said = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        return f"{answer.status_code} without the shape: {answer.content[:200]!r}"
    if set(said) != {"code", "message", "hint"} or not all(said.values()):
        return f"{answer.status_code} says too little: {said}"
    return "" if said["code"] == said["code"].lower() and " " not in said["code"] else str(said)


def rows() -> dict[str, int]:
    """How many rows there are of everything that a call could make; the server's first key is its own."""
    models = (
        *apps.get_app_config("unlock").get_models(),
        *apps.get_app_config("payments").get_models(),
    )
    named = {model.__name__: model for model in models if model.__name__ != "SealingKey"}
    return {name: model._default_manager.count() for name, model in named.items()}


def test_the_loop_knows_every_member_of_every_call(cast: Cast) -> None:
    good = members(cast)
    unknown = {name for _, _, names in operations() for name in names} - set(good)

    assert len(operations()) > 25
    assert unknown == set()


@pytest.mark.parametrize(("method", "path", "names"), operations())
def test_no_garbage_makes_a_server_error(
    method: str, path: str, names: tuple[str, ...], cast: Cast
) -> None:
    client: Any = cast.maya.client
    client.raise_request_exception = False
    me = Creator.objects.select_related("user").get(user__username="maya").user
    every = list(bodies(names, members(cast))) if method != "get" else [b"", b"{"]
    bad: dict[str, str] = {}

    # Everything at the first place; elsewhere the first few, as what they find there differs.
    for place, tried in zip(places(path, cast), [every, *[every[::9]] * 9], strict=False):
        client.force_login(me)
        for body in tried:
            answer = client.generic(
                method.upper(),
                f"/api/v1/{place}",
                body,
                content_type="application/json",
                HTTP_X_CSRFTOKEN=client.cookies["csrftoken"].value,
                HTTP_AUTHORIZATION=f"Claim {b64(cast.buyer.claim)}",
            )
            if why := wrong(answer):
                bad[f"{method} {place} {body[:120]!r}"] = why
            answer.close()

    assert bad == {}
    client.force_login(me)  # whatever was taken can be read again: nothing is poisoned
    for look in ("files/", "payout/", f"files/{cast.ids['file_id'][0]}/"):
        assert client.get(f"/api/v1/{look}").status_code == 200, look


# --- the body as a whole ------------------------------------------------------------------------


def send(browser: Browser, body: bytes, *, path: str = "files/", **headers: str) -> Any:
    client: Any = browser.client
    return client.generic(
        "POST",
        f"/api/v1/{path}",
        body,
        content_type=headers.pop("content_type", "application/json"),
        HTTP_X_CSRFTOKEN=browser.client.cookies["csrftoken"].value,
        **headers,
    )


@pytest.mark.parametrize("body", NOT_JSON)
def test_what_is_no_json_is_called_so(body: bytes, cast: Cast) -> None:
    before = rows()

    assert refusal(send(cast.maya, body)) == (400, "not_json")
    assert rows() == before


def test_a_huge_body_is_refused_unread(cast: Cast, settings: Any) -> None:
    before = rows()
    body = b'{"title": "' + b"x" * settings.DATA_UPLOAD_MAX_MEMORY_SIZE + b'"}'

    for path in ("files/", f"files/{cast.sold.file.id}/purchases/", "session/"):
        answer = send(cast.maya, body, path=path)
        assert refusal(answer) == (413, "too_large")
        assert answer.json()["error"]["hint"]
    for length in ("x", "-1", "9" * 400, "٣"):
        answer = send(cast.maya, b"{}", CONTENT_LENGTH=length)
        assert refusal(answer) == (413, "too_large"), length
    assert rows() == before


def test_what_is_not_sent_as_json_is_told_what_to_send(cast: Cast) -> None:
    answer = send(cast.maya, b"title=t", content_type="application/x-www-form-urlencoded")

    assert refusal(answer) == (415, "unsupported_media_type")
    assert "JSON" in answer.json()["error"]["hint"]


@pytest.mark.parametrize(("path", "allowed"), [("files/", "GET"), ("limits/", "GET")])
@pytest.mark.parametrize("method", ["TRACE", "PROPFIND", "DELETE", "X" * 300])
def test_a_method_that_is_not_there_is_said_so(
    path: str, allowed: str, method: str, cast: Cast
) -> None:
    token = cast.maya.client.cookies["csrftoken"].value
    answer = cast.maya.client.generic(method, f"/api/v1/{path}", HTTP_X_CSRFTOKEN=token)

    assert refusal(answer) == (405, "method_not_allowed")
    assert answer.json()["error"]["hint"]
    assert allowed in answer.headers["Allow"]


def test_a_method_that_the_live_events_do_not_have_is_said_so_too(cast: Cast) -> None:
    place = f"/api/v1/purchases/{cast.ids['purchase_id'][0]}/events/"

    answer = Buyer().client.put(place, {}, format="json", HTTP_X_CSRFTOKEN="x")
    other = cast.maya.call("put", place.removeprefix("/api/v1/"), {})

    assert refusal(answer) == (403, "forbidden")
    assert refusal(other) == (405, "method_not_allowed")
    assert other.json()["error"]["hint"]


@pytest.mark.parametrize(
    "path",
    [
        "files/0/", "files/-1/", f"files/{'9' * 500}/", "files/%00/", "files/../session/",
        f"uploads/{'f' * 32}/", "purchases/null/", "purchases/{}/", "uploads/%ff%fe/", "nowhere/",
    ],
)  # fmt: skip
def test_an_id_that_is_none_is_nothing_there(path: str, cast: Cast) -> None:
    assert refusal(cast.maya.get(path)) == (404, "not_found")


# --- who asks -----------------------------------------------------------------------------------


def test_a_page_of_another_origin_changes_nothing(cast: Cast) -> None:
    before = rows()

    for origin in ("https://evil.example", "null", "http://127.0.0.1:9", "http://localhost:8000"):
        answer = send(cast.maya, b'{"title": "t"}', HTTP_ORIGIN=origin)
        assert refusal(answer) == (403, "forbidden"), origin
        assert answer.json()["error"]["hint"]
    # What a form of another site could send carries no token, whatever its type is called.
    answer = cast.maya.client.post(
        "/api/v1/files/", '{"title": "t"}', content_type="text/plain", HTTP_ORIGIN="null"
    )
    assert refusal(answer) == (403, "forbidden")
    assert rows() == before


def test_an_unknown_host_is_refused_in_the_one_shape(cast: Cast) -> None:
    answer = cast.maya.client.get("/api/v1/limits/", HTTP_HOST="evil.example")

    assert refusal(answer) == (400, "bad_request")
    assert answer.json()["error"]["hint"]


def test_what_is_anothers_is_not_there(cast: Cast) -> None:
    hers, her_upload = cast.ids["file_id"][2], cast.ids["upload_id"][1]
    before, kept = rows(), PaidFile.objects.filter(id=hers).values().get()
    good = members(cast)
    secret = {name: good[name] for name in ("content_id", "generation", "wrapped_key", "h_s", "s")}
    secret["h_s"] = hashlib.sha256(b"s" * 32).hexdigest()
    claim = {"HTTP_AUTHORIZATION": f"Claim {b64(Buyer().claim)}"}
    key = {"buyer_key": b64(Buyer().keys.public_key)}

    answers = [
        cast.maya.patch(f"files/{hers}/", {"title": "mine", "state": "removed"}),
        cast.maya.delete(f"files/{hers}/"),
        cast.maya.put(f"files/{hers}/secret/", secret),
        cast.maya.post(f"files/{hers}/selftest/", key, **claim),
        cast.maya.post(f"files/{hers}/publication/", {"selftest": NOWHERE, "passed": True}),
        cast.maya.get(f"uploads/{her_upload}/"),
        cast.maya.delete(f"uploads/{her_upload}/"),
        cast.maya.post(f"uploads/{her_upload}/parts/", {"numbers": [1]}),
        cast.maya.post(f"uploads/{her_upload}/completion/", {"content_id": "ab" * 32}),
        cast.maya.post("files/", {"title": "t", "price": good["price"], "upload": her_upload}),
        cast.maya.patch(f"files/{cast.ids['file_id'][1]}/", {"upload": her_upload}),
    ]

    assert [refusal(answer) for answer in answers] == [(404, "not_found")] * len(answers)
    assert rows() == before
    assert PaidFile.objects.filter(id=hers).values().get() == kept


def test_the_claim_of_another_purchase_finds_nothing(cast: Cast) -> None:
    theirs = cast.ids["purchase_id"][1]
    client: Any = cast.buyer.client

    for name, call in {
        "": client.get,
        "quotes/": client.post,
        "release/": client.post,
        "location/": client.post,
        "receipt/": client.get,
    }.items():
        answer = call(f"/api/v1/purchases/{theirs}/{name}")
        assert refusal(answer) == (404, "purchase_unknown"), name
        assert answer.json() == client.get(f"/api/v1/purchases/{NOWHERE}/").json(), name


def test_a_refused_move_takes_the_edit_with_it_back(cast: Cast) -> None:
    draft = cast.ids["file_id"][1]

    answer = cast.maya.patch(f"files/{draft}/", {"title": "other", "state": "paused"})

    assert refusal(answer) == (409, "move_refused")
    assert PaidFile.objects.get(id=draft).title == "Nine recordings"


# --- what people paste --------------------------------------------------------------------------

LINK = f"https://kim.example/f/{NOWHERE}#1.{SECRET}"


@pytest.mark.parametrize(
    "text",
    [
        LINK,
        f"look: {LINK}, it is good",
        f"#1.{SECRET}",
        f"1.{SECRET}",
        f"{LINK}.{'B' * 43}",
        LINK.replace("#", "%23"),
        LINK.replace("#1.", "#\u200b1."),
        f"#1.{SECRET[:11]}\u00ad{SECRET[11:]}",
        f"#\uff11.{SECRET}",
    ],
)
@pytest.mark.parametrize("member", ["title", "description"])
def test_half_of_a_key_in_a_text_is_refused_and_not_kept(
    member: str, text: str, cast: Cast
) -> None:
    before = rows()
    price = {"amount": "2.00", "currency": "EUR"}

    made = cast.maya.post("files/", {"title": "t", "price": price, member: text})
    changed = cast.maya.patch(f"files/{cast.sold.file.id}/", {member: text})

    for answer in (made, changed):
        assert refusal(answer) == (400, "link_secret_in_text")
        assert SECRET not in answer.content.decode()
    assert rows() == before
    assert not PaidFile.objects.filter(**{f"{member}__contains": "A" * 11}).exists()


XPRV = (
    "xprv9s21ZrQH143K3GJpoapnV8SFfukcVBSfeCficPSGfubmSFDxo1kuHnLisriDvSnRRuL2Qrg5ggqHKNVpxR86QE"
    "C8w35uxmGoggxtQTPvfUu"  # the master key of BIP-39's "abandon … about": nobody's money
)
SEED_WORDS = "abandon " * 11 + "about"
WIF = "KwDiBf89QgGbjEhKnhXJuH7LrciVrZi3qYjgd9M7rFU73sVHnoWn"  # of the number one


@pytest.mark.parametrize(
    "value",
    [XPRV, f"  {XPRV}\n", SEED_WORDS, SEED_WORDS.upper(), WIF, SEED_WORDS.replace(" ", "\n")],
)
def test_what_can_spend_is_refused_loudly_and_kept_nowhere(
    value: str, cast: Cast, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    before = rows()

    for answer in (
        cast.maya.post("payouts/preview/", {"value": value}),
        cast.maya.put("payout/", {"value": value}),
        cast.maya.put("payout/", {"value": value, "derived": derive("correct horse")}),
    ):
        assert refusal(answer) == (400, "secret_given")
        assert "new wallet" in answer.json()["error"]["hint"]
        for word in value.split():
            assert word not in answer.content.decode()
    assert rows() == before
    words = [word for word in value.split() if word.lower() != "about"]
    assert not [word for word in words if word in caplog.text]


@pytest.mark.parametrize(
    ("value", "code"),
    [
        ("bitcoincash:qpm2qsznhks23z7629mms6s4cwef74vcwvy22gdx6a", "wrong_network"),
        ("bchtest:qpm2qsznhks23z7629mms6s4cwef74vcwvqcw003ap", "wrong_network"),
        ("bchreg:qpm2qsznhks23z7629mms6s4cwef74vcwvlt2h0dhq", "bad_address"),  # a typing error
        ("1BpEi6DfDAUFd7GtittLSdBeYJvcoaVggu", "wrong_network"),
        ("3QJmnh", "bad_address"),  # the base58 of nothing at all
        ("bc1qw508d6qejxtdg4y5r3zarvary0c5xw7kv8f3t4", "wrong_network"),
        ("xpub" + "A" * 107, "bad_xpub"),
        ("ethereum:0x52908400098527886E0F7030069857D2E4169EE7", "bad_address"),
    ],
)
def test_an_address_that_is_none_of_ours_is_told_why(value: str, code: str, cast: Cast) -> None:
    before = rows()

    for answer in (
        cast.maya.post("payouts/preview/", {"value": value}),
        cast.maya.put("payout/", {"value": value, "derived": derive("correct horse")}),
    ):
        assert refusal(answer) == (400, code)
        assert answer.json()["error"]["hint"]
    assert rows() == before


def test_a_price_below_the_floor_is_not_published(cast: Cast) -> None:
    file = cast.sold.file
    change = {"price": {"amount": "0.00000999", "currency": "BCH"}}

    assert refusal(cast.maya.patch(f"files/{file.id}/", change)) == (400, "price_below_floor")
    change["price"]["amount"] = "0.00001000"
    assert cast.maya.patch(f"files/{file.id}/", change).status_code == 200


def test_a_file_above_the_limit_begins_no_upload(cast: Cast, settings: Any) -> None:
    settings.KIM_MAX_FILE_BYTES = 10
    sealed, before = seal(b"eleven byte"), rows()

    body = {"size_bytes": len(sealed.body), "core_header": b64(sealed.core_header)}
    answer = cast.maya.post("uploads/", body)

    assert refusal(answer) == (413, "file_too_large")
    assert "limit" in answer.json()["error"]["hint"]
    assert rows() == before


def test_looking_changes_nothing(cast: Cast) -> None:
    """GET over every call of the schema, with ids that are one's own, another's and nobody's."""
    sessions = {"Session", "SessionNote"}
    before = rows()

    for method, path, _ in operations():
        if method != "get" or path.endswith("/events/"):
            continue
        for place in places(path, cast):
            for client in (cast.maya.client, cast.buyer.client):
                answer = client.get(f"/api/v1/{place}")
                assert answer.status_code < 500 or answer.status_code == 503, place  # no store
                answer.close()

    moved = {name for name, count in rows().items() if before[name] != count}
    assert moved <= sessions
