"""What may be seen before paying, over HTTP: samples, the audit at publish, covers, and every refusal."""

from __future__ import annotations

import os
import struct
import urllib.error
import urllib.request
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from tests.unlock.creating import Browser, Sealed, b64, refusal, seal, signed_in
from tests.unlock.test_api_files import (
    ADDRESS,
    deposit,
    draft,
    fetch,
    published,
    run_selftest,
    upload,
)
from unlock import audits, container, pictures, samples
from unlock.container import SegmentKey
from unlock.creator_errors import CoverInvalid
from unlock.models import PaidFile
from unlock.showing_rows import Audit, Cover, Samples

if TYPE_CHECKING:
    from django.test.client import _MonkeyPatchedWSGIResponse as Response

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("configured_store")]

ROOM = 2**18 - 32


@pytest.fixture
def maya() -> Browser:
    return signed_in("maya")


@pytest.fixture
def film() -> Sealed:
    """Thirty segments: three of them are a tenth."""
    return seal(os.urandom(30 * ROOM - 5))


def keys_of(sealed: Sealed, *segments: int) -> list[SegmentKey]:
    floe = container.open_content(sealed.packed.core, sealed.secrets.content_key)
    message_key = floe.message_key()
    return [SegmentKey(number, floe.segment_key(message_key, number)) for number in segments]


def entries_of(sealed: Sealed, *segments: int) -> str:
    return b64(container.build_entries(keys_of(sealed, *segments)))


def show(browser: Browser, file_id: str, entries: str, **more: Any) -> Response:
    body = {"kind": "video", "entries": entries, **more}
    return browser.put(f"files/{file_id}/samples/", body)


def of_film(browser: Browser, film: Sealed) -> str:
    made: str = draft(browser, upload=upload(browser, film))["id"]
    return made


# --- samples --------------------------------------------------------------------------------------


def test_a_stranger_gets_the_shown_keys_and_signed_ranges_of_exactly_those_segments(
    maya: Browser, film: Sealed
) -> None:
    said = published(maya, film)
    assert show(maya, said["id"], entries_of(film, 0, 1, 29)).status_code == 200
    stranger = Browser()

    offer = stranger.get(f"files/{said['id']}/").json()
    shown = stranger.get(f"files/{said['id']}/samples/").json()
    signed = stranger.get(f"files/{said['id']}/ranges/?with=sample").json()["segments"]

    assert offer["sample"] == {"kind": "video", "segments": 3}
    assert shown["content_id"] == film.content_id
    assert shown["entries"] == entries_of(film, 0, 1, 29)
    assert [(run["first"], run["count"]) for run in signed] == [(0, 2), (29, 1)]
    core, index = (
        film.packed.core,
        container.parse_index(film.body[-_index_bytes(film) :], film.packed.core),
    )
    stored = fetch(signed[0]) + fetch(signed[1])
    assert len(stored) == 3 * 2**18 - 5
    opened = [
        container.open_shown(core, index, key, stored[at * 2**18 : (at + 1) * 2**18])
        for at, key in enumerate(keys_of(film, 0, 1, 29))
    ]
    assert [len(plain) for plain in opened] == [ROOM, ROOM, ROOM - 5]


def test_a_signed_range_of_a_sample_gives_no_other_byte(maya: Browser, film: Sealed) -> None:
    said = published(maya, film)
    show(maya, said["id"], entries_of(film, 0))
    run = Browser().get(f"files/{said['id']}/ranges/?with=sample").json()["segments"][0]

    wider = urllib.request.Request(run["url"], headers={"Range": "bytes=262144-786431"})
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(wider, timeout=30)

    assert refused.value.code == 403
    refused.value.close()


def test_without_a_sample_or_with_another_word_nothing_more_is_signed(
    maya: Browser, film: Sealed
) -> None:
    said = published(maya, film)
    for asked in ("", "?with=sample", "?with=audit", "?with=everything"):
        assert Browser().get(f"files/{said['id']}/ranges/{asked}").json()["segments"] == []
    assert refusal(Browser().get(f"files/{said['id']}/samples/")) == (404, "not_found")


def test_a_wrong_key_is_refused_and_nothing_is_kept(maya: Browser, film: Sealed) -> None:
    file_id = of_film(maya, film)
    other = seal(os.urandom(ROOM))
    altered = bytearray(container.build_entries(keys_of(film, 3)))
    altered[-1] ^= 1
    for entries in (b64(bytes(altered)), entries_of(other, 0), entries_of(film, 30)):
        assert refusal(show(maya, file_id, entries)) == (400, "shown_key_wrong")
    assert not Samples.objects.exists()


def test_a_key_that_stands_at_another_segment_is_refused(maya: Browser, film: Sealed) -> None:
    file_id = of_film(maya, film)
    moved = container.build_entries([SegmentKey(4, keys_of(film, 3)[0].key)])

    assert refusal(show(maya, file_id, b64(moved))) == (400, "shown_key_wrong")


@pytest.mark.parametrize("segments", [(1, 0), (2, 2), ()])
def test_segments_ascend_once_each_and_there_are_some(
    maya: Browser, film: Sealed, segments: tuple[int, ...]
) -> None:
    file_id = of_film(maya, film)

    assert show(maya, file_id, entries_of(film, *segments)).status_code == 400
    assert not Samples.objects.exists()


def test_broken_entries_another_kind_and_no_body_are_refused(maya: Browser, film: Sealed) -> None:
    file_id = of_film(maya, film)

    assert refusal(show(maya, file_id, b64(b"\0" * 39))) == (400, "sample_invalid")
    assert refusal(show(maya, file_id, "not base64!")) == (400, "invalid")
    assert refusal(show(maya, file_id, entries_of(film, 0), kind="html")) == (400, "invalid")
    assert refusal(maya.put(f"files/{file_id}/samples/", {})) == (400, "invalid")
    assert not Samples.objects.exists()


def test_more_than_a_tenth_needs_a_second_word_and_all_of_it_is_never_shown(
    maya: Browser, film: Sealed
) -> None:
    file_id = of_film(maya, film)
    four, whole = entries_of(film, 0, 1, 2, 3), entries_of(film, *range(30))

    assert refusal(show(maya, file_id, four)) == (409, "sample_unconfirmed")
    assert not Samples.objects.exists()
    assert refusal(show(maya, file_id, whole, confirmed=True)) == (400, "sample_invalid")
    assert show(maya, file_id, four, confirmed=True).status_code == 200


def test_more_keys_than_a_page_can_hold_are_refused_unread(maya: Browser, film: Sealed) -> None:
    file_id = of_film(maya, film)
    many = b"".join(struct.pack(">Q32s", at, b"k") for at in range(samples.SEGMENTS_MAX + 1))

    assert refusal(show(maya, file_id, b64(many))) == (400, "sample_invalid")


def test_anothers_file_is_not_there_and_strangers_show_nothing(maya: Browser, film: Sealed) -> None:
    file_id = of_film(maya, film)
    show(maya, file_id, entries_of(film, 0))
    eve, entries = signed_in("eve"), entries_of(film, 0)
    before = Samples.objects.get().created_at

    assert refusal(show(eve, file_id, entries)) == (404, "not_found")
    assert refusal(show(Browser(), file_id, entries)) == (401, "not_signed_in")
    assert refusal(eve.delete(f"files/{file_id}/samples/")) == (404, "not_found")
    assert refusal(eve.get(f"files/{file_id}/samples/")) == (404, "not_found")
    assert refusal(eve.post(f"files/{file_id}/audit/")) == (404, "not_found")
    assert refusal(cover(eve, file_id, webp())) == (404, "not_found")
    assert Samples.objects.get().created_at == before


def test_a_file_that_was_not_checked_yet_shows_nothing(maya: Browser, film: Sealed) -> None:
    empty = draft(maya)["id"]

    assert refusal(show(maya, empty, entries_of(film, 0))) == (409, "upload_not_verified")
    assert refusal(maya.post(f"files/{empty}/audit/")) == (409, "upload_not_verified")


def test_a_sample_is_replaced_survives_edits_is_taken_back_and_goes_with_the_file(
    maya: Browser, film: Sealed
) -> None:
    said = published(maya, film)
    show(maya, said["id"], entries_of(film, 0))
    show(maya, said["id"], entries_of(film, 5, 6), kind="text")
    maya.patch(f"files/{said['id']}/", {"title": "Ten recordings"})
    assert Browser().get(f"files/{said['id']}/").json()["sample"] == {"kind": "text", "segments": 2}

    assert maya.delete(f"files/{said['id']}/samples/").status_code == 204
    assert Browser().get(f"files/{said['id']}/").json()["sample"] is None

    show(maya, said["id"], entries_of(film, 0))
    cover(maya, said["id"], webp())
    maya.patch(f"files/{said['id']}/", {"state": "removed"})
    assert (Samples.objects.count(), Cover.objects.count()) == (0, 0)
    assert refusal(show(maya, said["id"], entries_of(film, 0))) == (409, "move_refused")
    assert refusal(cover(maya, said["id"], webp())) == (409, "move_refused")


def test_other_content_drops_the_sample_of_a_draft(maya: Browser, film: Sealed) -> None:
    file_id = of_film(maya, film)
    show(maya, file_id, entries_of(film, 0))

    maya.patch(f"files/{file_id}/", {"upload": upload(maya, seal(b"another"))})

    assert not Samples.objects.exists()


def test_a_deleted_draft_takes_sample_and_cover_along(maya: Browser, film: Sealed) -> None:
    file_id = of_film(maya, film)
    show(maya, file_id, entries_of(film, 0))
    cover(maya, file_id, webp())

    assert maya.delete(f"files/{file_id}/").status_code == 204
    assert (Samples.objects.count(), Cover.objects.count()) == (0, 0)


# --- the audit --------------------------------------------------------------------------------------


def test_a_large_file_is_published_only_after_the_drawn_segments_were_opened(
    maya: Browser,
) -> None:
    film = seal(os.urandom(ROOM) * 210)
    maya.put("payout/", {"value": ADDRESS})
    file_id = draft(maya, upload=upload(maya, film))["id"]
    deposit(maya, file_id, film)
    go = {"selftest": run_selftest(maya, file_id), "passed": True}
    assert refusal(maya.post(f"files/{file_id}/publication/", go)) == (409, "audit_missing")

    drawn = maya.post(f"files/{file_id}/audit/").json()
    assert drawn == maya.post(f"files/{file_id}/audit/").json()
    assert len(set(drawn["segments"])) == 2
    nonce = container.decode_b64url(drawn["nonce"], 32)
    content_id = bytes.fromhex(film.content_id)
    again = container.audit_segments(content_id, nonce, segments=210, count=2)
    assert drawn["segments"] == again

    where = f"files/{file_id}/audit/"
    first, second = again
    for wrong, code in (
        (entries_of(film, second, first), "audit_invalid"),
        (entries_of(film, first), "audit_invalid"),
        (b64(b"\0" * 39), "audit_invalid"),
        (b64(struct.pack(">Q32sQ32s", first, b"k", second, b"k")), "shown_key_wrong"),
    ):
        assert refusal(maya.put(where, {"entries": wrong})) == (400, code)
    assert Audit.objects.get().passed_at is None
    entries = entries_of(film, first, second)
    assert maya.put(where, {"entries": entries}).status_code == 200
    assert maya.put(where, {"entries": entries}).status_code == 200
    assert maya.post(f"files/{file_id}/publication/", go).status_code == 200

    offer = Browser().get(f"files/{file_id}/").json()
    assert (offer["audit"]["nonce"], offer["audit"]["entries"]) == (drawn["nonce"], entries)
    runs = Browser().get(f"files/{file_id}/ranges/?with=audit").json()["segments"]
    assert sum(run["count"] for run in runs) == 2


def test_a_segment_that_does_not_open_with_its_committed_key_fails_the_audit(
    maya: Browser, film: Sealed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bytes are the committed ones and the key is the committed one, but it opens nothing."""
    file_id = draft(maya, upload=upload(maya, _forged()))["id"]
    paid_file = PaidFile.objects.get(id=file_id)
    monkeypatch.setattr(container, "audit_count", lambda segments: 1)  # of one, as of two hundred

    answer = maya.put(f"files/{file_id}/audit/", {"entries": b64(_FORGED_ENTRY)})

    assert refusal(answer) == (400, "shown_key_wrong")
    assert audits.of(paid_file.container) is None


_FORGED_KEY = b"k" * 32
_FORGED_ENTRY = struct.pack(">Q32s", 0, _FORGED_KEY)


def _forged() -> Sealed:
    """A container whose one segment commits to a key that never sealed it."""
    import dataclasses
    import hashlib

    from unlock.container import keys, layout

    sealed = seal(b"nothing of worth")
    core = sealed.packed.core
    stored = sealed.body[core.header_bytes : core.index_offset]
    row = hashlib.sha256(stored).digest() + keys.key_commitment(core.file_id, 0, _FORGED_KEY)
    index = layout.build_index(core, row)
    packed = dataclasses.replace(sealed.packed, content_id=layout.content_id(core, index.root))
    return Sealed(sealed.body[: core.index_offset] + index.raw, packed, sealed.secrets)


def test_a_small_file_needs_no_audit_and_says_so(maya: Browser, film: Sealed) -> None:
    said = published(maya, film)

    assert said["audit"] is None
    assert maya.post(f"files/{said['id']}/audit/").json()["segments"] == []


# --- covers -----------------------------------------------------------------------------------------


def webp(width: int = 640, height: int = 360, *, more: bytes = b"") -> bytes:
    body = b"\x9d\x01\x2a" + struct.pack("<HH", width, height)
    chunk = b"\x10\0\0" + body + b"\0" * 20
    inner = b"WEBPVP8 " + struct.pack("<I", len(chunk)) + chunk + more
    return b"RIFF" + struct.pack("<I", len(inner)) + inner


def jpeg(width: int = 640, height: int = 360, *, more: bytes = b"", tail: bytes = b"") -> bytes:
    frame = b"\xff\xc0" + struct.pack(">HBHHB", 11, 8, height, width, 1) + b"\1\x11\0"
    jfif = b"\xff\xe0" + struct.pack(">H", 16) + b"JFIF\0" + b"\1\1\0\0\1\0\1\0\0"
    scan = b"\xff\xda" + struct.pack(">H", 8) + b"\1\1\0\0\x3f\0" + b"\x12\xff\0\x34\xff\xd0\x56"
    return b"\xff\xd8" + jfif + more + frame + scan + b"\xff\xd9" + tail


def cover(browser: Browser, file_id: str, data: bytes, media: str = "image/webp") -> Any:
    token = browser.client.cookies["csrftoken"].value
    path = f"/api/v1/files/{file_id}/cover/"
    answer: Any = browser.client.generic("PUT", path, data, media, HTTP_X_CSRFTOKEN=token)  # type: ignore[arg-type]
    return answer


def test_a_cover_is_served_to_everybody_once_the_file_is_on_sale(maya: Browser) -> None:
    said = published(maya, seal())
    answer = cover(maya, said["id"], webp(640, 360))
    assert answer.status_code == 200, answer.content
    facts = Browser().get(f"files/{said['id']}/").json()["cover"]
    assert (facts["media_type"], facts["width"], facts["height"]) == ("image/webp", 640, 360)

    seen = Browser().client.get(f"/f/{said['id']}/cover?v={facts['sha256']}")

    assert seen.content == webp(640, 360)
    assert seen["Content-Type"] == "image/webp"
    assert seen["X-Content-Type-Options"] == "nosniff"
    assert "sandbox" in seen["Content-Security-Policy"]
    assert "immutable" in seen["Cache-Control"]
    bare = Browser().client.get(f"/f/{said['id']}/cover")
    assert bare["Cache-Control"] == "public, no-cache"
    known = Browser().client.get(f"/f/{said['id']}/cover", HTTP_IF_NONE_MATCH=bare["ETag"])
    assert (known.status_code, known.content) == (304, b"")


def test_a_page_names_its_cover_to_link_previews_if_its_creator_says_so_and_a_draft_hides_it(
    maya: Browser,
) -> None:
    made = draft(maya)
    cover(maya, made["id"], jpeg(), "image/jpeg")
    assert Browser().client.get(f"/f/{made['id']}/cover").status_code == 404
    assert b"og:image" not in Browser().client.get(f"/f/{made['id']}").content

    said = published(maya, seal())
    cover(maya, said["id"], jpeg(), "image/jpeg")
    assert b"og:image" not in Browser().client.get(f"/f/{said['id']}").content
    maya.patch(f"files/{said['id']}/", {"showcase": {"has_card": True}})
    page = Browser().client.get(f"/f/{said['id']}").content.decode()
    sha256 = Cover.objects.get(paid_file=said["id"]).sha256
    assert page.count('property="og:image"') == 1
    assert f"/f/{said['id']}/cover?v={sha256}" in page

    assert maya.delete(f"files/{said['id']}/cover/").status_code == 204
    assert Browser().client.get(f"/f/{said['id']}/cover").status_code == 404
    assert Browser().client.get(f"/f/{uuid.uuid4()}/cover").status_code == 404


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF89a" + b"\0" * 40,
        b"\x89PNG\r\n\x1a\n" + b"\0" * 40,
        webp(1281, 10),
        webp(10, 0),
        webp() + b"PK\3\4",
        webp(more=b"EXIF" + struct.pack("<I", 4) + b"II*\0"),
        webp(more=b"XMP " + struct.pack("<I", 4) + b"<x/>"),
        webp()[:-3],
        b"RIFF\4\0\0\0WEBP",
        jpeg(10, 2000),
        jpeg(tail=b"PK\3\4"),
        jpeg(more=b"\xff\xe1" + struct.pack(">H", 8) + b"Exif\0\0"),
        jpeg(more=b"\xff\xfe" + struct.pack(">H", 9) + b"<script"),
        jpeg()[:-2],
        jpeg()[:12],
        b"\xff\xd8\xff\xd9",
        webp(more=b"ICCP" + struct.pack("<I", 262_144) + b"\0" * 262_144),
    ],
)
def test_what_is_not_a_bare_whole_picture_of_our_size_is_refused(data: bytes) -> None:
    with pytest.raises(CoverInvalid):
        pictures.measure(data)


def test_pictures_are_measured_by_their_own_headers() -> None:
    assert pictures.measure(jpeg(1280, 720)) == pictures.Picture("image/jpeg", 1280, 720)
    lossless = struct.pack("<BI", 0x2F, 99 | 49 << 14)
    inner = b"WEBPVP8L" + struct.pack("<I", 5) + lossless + b"\0"
    whole = b"RIFF" + struct.pack("<I", len(inner)) + inner
    assert pictures.measure(whole) == pictures.Picture("image/webp", 100, 50)


def test_a_refused_cover_leaves_the_one_before(maya: Browser) -> None:
    file_id = draft(maya)["id"]
    assert cover(maya, file_id, webp()).status_code == 200
    kept = Cover.objects.get().sha256

    assert refusal(cover(maya, file_id, b"")) == (400, "cover_invalid")
    assert refusal(cover(maya, file_id, b"<svg/>", "image/svg+xml")) == (400, "cover_invalid")
    assert refusal(cover(maya, file_id, webp() + b"!")) == (400, "cover_invalid")
    assert cover(maya, file_id, b"{}", "application/json").status_code == 415
    assert refusal(cover(maya, file_id, b"\0" * 262_145)) == (413, "too_large")
    assert refusal(cover(Browser(), file_id, webp())) == (401, "not_signed_in")
    assert Cover.objects.get().sha256 == kept


def _index_bytes(sealed: Sealed) -> int:
    return sealed.packed.core.index_bytes
