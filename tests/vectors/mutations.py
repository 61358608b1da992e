"""The tamper cases: how to spoil a container of containers.json, and which error must follow."""

import hashlib
import re
from typing import Any

from unlock.container import decode_b64url, keys
from unlock.container.floe import open_segment, seal_segment
from unlock.container.layout import INDEX_ROW_BYTES, CoreHeader, build_index

ABOUT = (
    "Each case takes container `vector` of containers.json, applies `ops` in order and opens the"
    " result with the vector's m, reading every segment in order (a bundle's directory and hashes"
    " too): the error class `open` must follow (null: it opens), with `segment` where given."
    " `verify` is what a reader without any key says (null: it cannot tell)."
    " Ops: truncate {size}, append {bytes}, flip {offset, bit} (bit 0 is the lowest), set {offset,"
    " bytes}, remove {offset, size}. Hex. `with` changes the opening: {m} another M; {s, l} take M"
    " out of the container's WRAPs, 'own' being the vector's; {meta_l} also open META_LINK with that"
    " L; {content_id} also compare, after M was checked and before the first segment."
    " directories: `text` (UTF-8) and `payload_bytes` are given to the directory's parser."
)

Op = dict[str, Any]
Case = dict[str, Any]
ROOM = 4096 - 32
H = 4096


def tamper_cases(built: dict[str, Case]) -> dict[str, Any]:
    five = Spoiler(built["five-segments"])
    cases = [
        *cut_and_grown(five),
        *moved_segments(five, Spoiler(built["twin"])),
        *header_fields(five),
        *tlv_area(five),
        *index_changes(five),
        *forgeries(five),
        false_hash(Spoiler(built["bundle"])),
        *wrong_keys(five, built["boundary"]),
    ]
    return {"about": ABOUT, "cases": cases, "directories": directories()}


class Spoiler:
    """One container with its parts at hand."""

    def __init__(self, case: Case) -> None:
        self.name = case["name"]
        self.raw = decode_b64url(case["container_base64url"])
        self.core = CoreHeader.parse(self.raw, seg_log2s=frozenset({case["seg_log2"]}))
        self.content_key = bytes.fromhex(case["m"])
        self.content_id = case["content_id"]
        start = self.core.index_offset + 32
        self.rows = self.raw[start : start + self.core.segments * INDEX_ROW_BYTES]
        self.session = keys.open_content(self.core, self.content_key)

    def segment(self, number: int) -> bytes:
        span = self.core.segment_range(number)
        return self.raw[span.offset : span.offset + span.size_bytes]

    def set_segment(self, number: int, stored: bytes) -> Op:
        return put(self.core.segment_range(number).offset, stored)

    def reindex(self, changes: dict[int, bytes]) -> Op:
        """Rewrite the index, root included, with other rows: what a forger can do without M."""
        rows = bytearray(self.rows)
        for number, row in changes.items():
            at = number * INDEX_ROW_BYTES
            rows[at : at + len(row)] = row
        return put(self.core.index_offset, build_index(self.core, bytes(rows)).raw)

    def row(self, number: int) -> bytes:
        return self.rows[number * INDEX_ROW_BYTES : (number + 1) * INDEX_ROW_BYTES]

    def case(self, name: str, ops: list[Op], expect: str | None, **more: Any) -> Case:
        return {"name": name, "vector": self.name, "ops": ops, "open": expect, **more}


def put(offset: int, raw: bytes) -> Op:
    return {"op": "set", "offset": offset, "bytes": raw.hex()}


def flip(offset: int, bit: int) -> Op:
    return {"op": "flip", "offset": offset, "bit": bit}


def cut(size: int) -> Op:
    return {"op": "truncate", "size": size}


def cut_and_grown(five: Spoiler) -> list[Case]:
    total = five.core.total_bytes
    sizes = {
        "cut to nothing": (0, "NotAContainer"),
        "cut inside the magic": (7, "NotAContainer"),
        "cut inside the core header": (127, "Truncated"),
        "cut after the core header": (128, "Truncated"),
        "cut inside the TLV area": (H - 1, "Truncated"),
        "cut after the header": (H, "Truncated"),
        "cut at a segment boundary": (H + 2 * 4096, "Truncated"),
        "cut inside a segment": (H + 2 * 4096 + 100, "Truncated"),
        "cut before the index": (five.core.index_offset, "Truncated"),
        "cut inside the index": (five.core.index_offset + 100, "Truncated"),
        "cut by one byte": (total - 1, "Truncated"),
    }
    cases = [five.case(n, [cut(s)], e, verify=e) for n, (s, e) in sizes.items()]
    ops: list[Op]
    for name, raw in {"one trailing byte": b"\0", "a trailing row": five.row(0)}.items():
        ops = [{"op": "append", "bytes": raw.hex()}]
        cases.append(five.case(name, ops, "Damaged", verify="Damaged"))
    # The last segment taken out and the index moved up: the sizes no longer fit the header.
    last = five.core.segment_range(4)
    ops = [{"op": "remove", "offset": last.offset, "size": last.size_bytes}]
    cases.append(five.case("last segment taken out", ops, "Truncated", verify="Truncated"))
    return cases


def moved_segments(five: Spoiler, twin: Spoiler) -> list[Case]:
    one, two = five.segment(1), five.segment(2)
    swap = [five.set_segment(1, two), five.set_segment(2, one)]
    twice = [five.set_segment(2, one)]
    splice = [five.set_segment(1, twin.segment(1))]
    hashes = {1: five.row(2)[:32], 2: five.row(1)[:32]}
    rows = {1: five.row(2), 2: five.row(1)}
    damaged: Case = {"verify": "Damaged"}
    unseen: Case = {"verify": None}
    return [
        five.case("two segments swapped", swap, "Damaged", segment=1, **damaged),
        five.case("a segment duplicated", twice, "Damaged", segment=2, **damaged),
        five.case("a segment of a re-sealed twin", splice, "Damaged", segment=1, **damaged),
        five.case(
            "swapped, hashes too", [*swap, five.reindex(hashes)], "Forged", segment=1, **unseen
        ),
        five.case("swapped, rows too", [*swap, five.reindex(rows)], "Forged", segment=1, **unseen),
        five.case(
            "duplicated, row too",
            [*twice, five.reindex({2: five.row(1)})],
            "Forged",
            segment=2,
            **unseen,
        ),
        five.case(
            "twin's segment, hash too",
            [*splice, five.reindex({1: twin.row(1)[:32]})],
            "Forged",
            segment=1,
            **unseen,
        ),
        five.case(
            "twin's segment, row too",
            [*splice, five.reindex({1: twin.row(1)})],
            "Forged",
            segment=1,
            **unseen,
        ),
        five.case("twin's core header", [put(0, twin.core.raw)], "Forged", segment=0, **unseen),
        five.case(
            "twin's core header, content_id compared",
            [put(0, twin.core.raw)],
            "Damaged",
            **unseen,
            **{"with": {"content_id": five.content_id}},
        ),
    ]


def header_fields(five: Spoiler) -> list[Case]:
    payload = five.core.payload_bytes

    def field(name: str, offset: int, raw: bytes, expect: str, verify: str | None = "same") -> Case:
        seen = expect if verify == "same" else verify
        return five.case(name, [put(offset, raw)], expect, verify=seen)

    return [
        field("another magic", 0, b"\x89PNG\r\n\x1a\n", "NotAContainer"),
        field("version 0", 8, b"\0", "UnsupportedVersion"),
        field("version 2", 8, b"\2", "UnsupportedVersion"),
        field("suite 2", 9, b"\2", "UnsupportedVersion"),
        field("segment size 2^13", 10, b"\x0d", "UnsupportedVersion"),
        field("segment size 2^0", 10, b"\0", "UnsupportedVersion"),
        *[
            field(f"flag bit {bit}", 11, bytes([1 << bit]), "UnsupportedVersion")
            for bit in (0, 2, 3, 4, 5, 6, 7)
        ],
        field("bundle flag set", 11, b"\2", "WrongKey", None),
        field("header length 0", 12, bytes(4), "Damaged"),
        field("header length doubled", 12, (8192).to_bytes(4), "Damaged"),
        field("payload one shorter", 16, (payload - 1).to_bytes(8), "Damaged"),
        field("payload one longer", 16, (payload + 1).to_bytes(8), "Truncated"),
        field("payload 2^53", 16, (2**53).to_bytes(8), "Damaged"),
        field("payload 2^64-1", 16, b"\xff" * 8, "Damaged"),
        field("N one less", 24, (4).to_bytes(8), "Damaged"),
        field("N one more", 24, (6).to_bytes(8), "Damaged"),
        field("N zero", 24, bytes(8), "Damaged"),
        field("N 2^64-1", 24, b"\xff" * 8, "Damaged"),
        field("another file_id", 32, bytes(16), "Damaged"),
        field("reserved bytes used", 48, b"\1", "UnsupportedVersion"),
        field("another FLOE IV", 64, bytes(32), "WrongKey", None),
        field("another header tag", 96, bytes(32), "WrongKey", None),
    ]


def tlv_area(five: Spoiler) -> list[Case]:
    area = five.raw[128:H]
    used = len(area.rstrip(b"\0"))
    # The last entry may itself end in zeros; walk the entries to the true end.
    at, entries = 0, {}
    while area[at : at + 2] != b"\0\0":
        size = int.from_bytes(area[at + 2 : at + 6])
        entries[int.from_bytes(area[at : at + 2])] = area[at : at + 6 + size]
        at += 6 + size
    end = 128 + max(at, used)

    def spoil(name: str, ops: list[Op], expect: str | None) -> Case:
        return five.case(name, ops, expect, verify=expect)

    wrap_at = 128 + area.index(entries[2])
    unknown = b"\x12\x34\0\0\0\3abc"
    reserved = b"\0\4\0\0\0\1x" + b"\0\5\0\0\0\0" + b"\0\x10\0\0\0\1y"
    fill = b"\x7f\0" + (H - end - 6).to_bytes(4)
    short_fill = b"\x7f\0" + (H - end - 8).to_bytes(4)
    return [
        spoil("an unknown type is skipped", [put(end, unknown)], None),
        spoil("reserved types 4, 5 and 16 are skipped", [put(end, reserved)], None),
        spoil("a second WRAP is allowed", [put(end, entries[2])], None),
        spoil("a second META_LINK", [put(end, entries[3])], "Damaged"),
        spoil("a length over the area's end", [put(end, b"\0\1" + b"\xff" * 4)], "Damaged"),
        spoil("a type without a length", [put(end, short_fill), put(H - 2, b"\0\1")], "Damaged"),
        spoil("an area without an end mark", [put(end, fill)], "Damaged"),
        spoil("a byte behind the end mark", [put(H - 1, b"\1")], "Damaged"),
        spoil("a byte right behind the end mark", [put(end + 2, b"\1")], "Damaged"),
        spoil("a WRAP one byte shorter", [put(wrap_at + 2, (59).to_bytes(4))], "Damaged"),
        spoil("an empty META_LINK", [put(128, b"\0\3\0\0\0\0" + bytes(H - 128 - 6))], "Damaged"),
        {
            **spoil("WRAP altered", [flip(wrap_at + 20, 3)], "WrongKey"),
            "with": {"s": "own", "l": "own"},
            "verify": None,
        },
        {
            **spoil(
                "altered WRAP, then a good one", [flip(wrap_at + 20, 3), put(end, entries[2])], None
            ),
            "with": {"s": "own", "l": "own"},
            "verify": None,
        },
        {
            **spoil("META_LINK altered", [flip(128 + area.index(entries[3]) + 30, 0)], "WrongKey"),
            "with": {"meta_l": "own"},
            "verify": None,
        },
    ]


def index_changes(five: Spoiler) -> list[Case]:
    at, size = five.core.index_offset, five.core.index_bytes
    places = {
        "index magic": 0,
        "index version": 4,
        "index reserved byte": 7,
        "index N": 15,
        "index file_id": 16,
        "index segment hash": 32 + 64,
        "index kc": 32 + 64 + 32,
        "index root": size - 48,
        "index length": size - 9,
        "index end mark": size - 1,
    }
    return [
        five.case(f"{name} flipped", [flip(at + place, 0)], "Damaged", verify="Damaged")
        for name, place in places.items()
    ]


def forgeries(five: Spoiler) -> list[Case]:
    """What only the creator, who has M or makes the keys, could have done."""
    message_key = five.session.message_key()
    own_key = five.session.segment_key(message_key, 3)
    other_key = hashlib.sha256(b"another key").digest()
    other_kc = keys.key_commitment(five.core.file_id, 3, other_key)
    iv = hashlib.sha256(b"forger's iv").digest()[:12]
    junk = bytes(ROOM)
    resealed = seal_segment(own_key, 3, junk, is_final=False, gcm_iv=iv)
    foreign = seal_segment(other_key, 3, junk, is_final=False, gcm_iv=iv)
    as_final = b"\0\0\x10\0" + five.segment(3)[4:]
    garbage = hashlib.sha256(b"garbage").digest() * 128

    def forged(name: str, stored: bytes, kc: bytes) -> Case:
        ops = [five.reindex({3: hashlib.sha256(stored).digest() + kc})]
        if stored != five.segment(3):
            ops.insert(0, five.set_segment(3, stored))
        return five.case(name, ops, "Forged", segment=3, verify=None)

    own_kc = five.row(3)[32:]
    return [
        forged("kc of another key", five.segment(3), other_kc),
        forged("segment and kc of another key", foreign, other_kc),
        forged("segment of another key, own kc", foreign, own_kc),
        forged("garbage with a true hash", garbage, own_kc),
        forged("marked final in the middle", as_final, own_kc),
        five.case(
            "segment sealed again, index unchanged",
            [five.set_segment(3, resealed)],
            "Damaged",
            segment=3,
            verify="Damaged",
        ),
        five.case(
            "segment sealed again, index too, another content_id",
            [
                five.set_segment(3, resealed),
                five.reindex({3: hashlib.sha256(resealed).digest()}),
            ],
            "Damaged",
            verify=None,
            **{"with": {"content_id": five.content_id}},
        ),
        *[
            five.case(f"{name} flipped", [flip(offset, 7)], "Damaged", segment=2, verify="Damaged")
            for name, offset in {
                "length word": H + 2 * 4096,
                "segment IV": H + 2 * 4096 + 4,
                "ciphertext": H + 2 * 4096 + 1000,
                "tag": H + 3 * 4096 - 1,
            }.items()
        ],
    ]


def false_hash(bundle: Spoiler) -> Case:
    """The creator's directory names another SHA-256 for the first file; all else is sound."""
    numbers = range(bundle.core.segments)
    message_key = bundle.session.message_key()
    segment_keys = [bundle.session.segment_key(message_key, n) for n in numbers]
    opened = [
        open_segment(key, n, bundle.segment(n), is_final=bundle.core.is_final(n)) or b""
        for n, key in enumerate(segment_keys)
    ]
    payload = b"".join(opened)
    [first_hash] = re.findall(rb'clips/a.mp4.*?"sha256":"([0-9a-f]{64})"', payload)
    payload = payload.replace(first_hash, b"00" * 32)
    ops: list[Op] = []
    rows: dict[int, bytes] = {}
    for n in numbers:
        part = payload[n * ROOM : (n + 1) * ROOM]
        if part != opened[n]:
            iv = hashlib.sha256(b"false hash %d" % n).digest()[:12]
            is_final = bundle.core.is_final(n)
            stored = seal_segment(segment_keys[n], n, part, is_final=is_final, gcm_iv=iv)
            ops.append(bundle.set_segment(n, stored))
            rows[n] = hashlib.sha256(stored).digest()
    ops.append(bundle.reindex(rows))
    return bundle.case("a file that is not what the directory says", ops, "Forged", verify=None)


def wrong_keys(five: Spoiler, other: Case) -> list[Case]:
    def wrong(name: str, **replaced: str) -> Case:
        return five.case(name, [], "WrongKey", verify=None, **{"with": replaced})

    return [
        wrong("M of another file", m=other["m"]),
        wrong("M of zeros", m="00" * 32),
        wrong("S of another file", s=other["s"], l="own"),
        wrong("L of another file", s="own", l=other["l"]),
        wrong("META_LINK with another L", meta_l=other["l"]),
    ]


def directories() -> list[Case]:
    good = '{"path":"a/b.txt","size":3,"type":"text/plain","sha256":"' + "ab" * 32 + '"}'

    def whole(files: str, version: str = "1") -> str:
        return '{"v":' + version + ',"files":[' + files + "]}"

    def named(path: str) -> str:
        return whole(good.replace("a/b.txt", path))

    def case(name: str, text: str, expect: str | None, files_bytes: int = 3) -> Case:
        payload = files_bytes + len(text.encode()) + 8
        return {"name": name, "text": text, "payload_bytes": payload, "expect": expect}

    second = good.replace("a/b.txt", "c").replace("3", "4", 1)
    bad_paths = {
        "an empty path": "",
        "an absolute path": "/etc/passwd",
        "an empty part": "a//b",
        "a slash at the end": "a/",
        "a dot part": "a/./b",
        "a parent part": "../b",
        "a parent part inside": "a/../../b",
        "a lone parent": "..",
        "a backslash": "a\\\\b",
        "a NUL": "a\\u0000b",
        "not NFC": "gro\u0308\u00dfe",
        "a lone surrogate": "a\\ud800b",
    }
    return [
        case("one file", whole(good), None),
        case("unknown members", whole(good.replace('{"path"', '{"x":[],"path"')), None),
        case("two files", whole(good + "," + second), None, 7),
        case("dots in a name", named("...a/b..c"), None),
        case("umlauts in NFC", named("gr\u00f6\u00dfe"), None),
        *[case(name, named(path), "BadDirectory") for name, path in bad_paths.items()],
        case("the same path twice", whole(good + "," + good), "BadDirectory", 6),
        case(
            "a file that is also a folder",
            whole(good + "," + good.replace("a/b.txt", "a")),
            "BadDirectory",
            6,
        ),
        case("sizes too small", whole(good), "BadDirectory", 4),
        case("sizes too large", whole(good), "BadDirectory", 2),
        case("a negative size", whole(good.replace("3", "-3", 1)), "BadDirectory", -3),
        case("a broken size", whole(good.replace("3", "3.5", 1)), "BadDirectory"),
        case("a size as text", whole(good.replace("3", '"3"', 1)), "BadDirectory"),
        case("a short hash", whole(good.replace("ab" * 32, "ab" * 31)), "BadDirectory"),
        case("a hash in capitals", whole(good.replace("ab" * 32, "AB" * 32)), "BadDirectory"),
        case("no type", whole(good.replace('"type":"text/plain",', "")), "BadDirectory"),
        case("not JSON", "{", "BadDirectory"),
        case("no object", "[]", "BadDirectory"),
        case("no files", '{"v":1}', "BadDirectory"),
        case("a newer version", whole(good, "2"), "UnsupportedVersion"),
    ]
