"""A file or folder, sealed here and brought to the store; goes on where an earlier run was cut."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kimcli import journals, sealing, selection
from kimcli.accounts import Account
from kimcli.errors import CommandFailed, FilesWrong, Refused, Unreachable
from kimcli.journals import Journal
from kimcli.means import Means
from kimcli.sealing import Sealer
from kimcli.selection import Payload, Selection
from kimcli.senders import Senders
from unlock import container
from unlock.container import CoreHeader, keys
from unlock.container.meter import Meter
from unlock.errors import WrongKey

_LOOK_SECONDS = (0.3, 0.5, 1.0, 2.0, 5.0)
_GONE = frozenset({404, 409, 410})


@dataclass(frozen=True, kw_only=True)
class Stored:
    """A container that the server has checked, whole. ``journal`` stays until it is sold;
    ``generation`` is that of S and L.
    """

    upload_id: str
    core: CoreHeader
    content_id: bytes
    wrapped_key: bytes
    journal: Journal
    generation: int = 0


@dataclass(frozen=True, kw_only=True)
class Uploaded(Stored):
    selection: Selection


def bring(account: Account, chosen: Path, *, slots: int, means: Means) -> Uploaded:
    """Seal and send ``chosen`` until the server has checked it. Raises what stopped it."""
    picked = selection.gather(chosen)
    path = journals.path_for(
        account.key.path, server=account.api.server, username=account.username, chosen=chosen
    )
    journal = _known(account, path, picked, means) or _begin(account, path, picked)
    try:
        if not journal.facts.get("content_id"):
            content_id = _send(account, journal, picked, slots=slots, means=means)
            journal.keep(content_id=content_id.hex())
        complete(account, journal, means)
    finally:
        journal.close()
    head = journal.head()
    return Uploaded(
        upload_id=journal.facts["upload"],
        core=head.core,
        content_id=bytes.fromhex(journal.facts["content_id"]),
        wrapped_key=head.wrapped_key,
        journal=journal,
        selection=picked,
    )


def _known(account: Account, path: Path, picked: Selection, means: Means) -> Journal | None:
    """The journal of an earlier run that can be gone on with: same bytes, same key, still open."""
    journal = journals.load(path)
    if journal is None:
        return None
    if journal.facts["files"] != picked.facts:
        means.say("It was changed since the last run: the upload begins anew.")
        return None
    try:
        keys.open_content(journal.head().core, _content_key(account, journal))
        found = account.api.get(f"uploads/{journal.facts['upload']}/", session=True)
    except (WrongKey, Refused) as error:
        if isinstance(error, Refused) and error.status not in _GONE:
            raise
        means.say("The last run cannot be gone on with: the upload begins anew.")
        return None
    return journal if found["state"] not in {"failed", "aborted"} else None


def _begin(account: Account, path: Path, picked: Selection) -> Journal:
    """The journal is written first: an upload that no journal knows would only lie there."""
    payload = Payload(picked)
    server = account.api.server
    meta = selection.describe(picked)
    head = sealing.begin(account.key.root, payload, meta, server=server, is_bundle=picked.is_bundle)
    asked = {
        "size_bytes": head.core.total_bytes,
        "core_header": container.encode_b64url(head.core.raw),
    }
    begun = account.api.post("uploads/", asked, session=True, repeatable=True)
    return journals.start(
        path, head, files=picked.facts, upload=begun["id"], part_bytes=begun["part_bytes"]
    )


def _send(
    account: Account, journal: Journal, picked: Selection, *, slots: int, means: Means
) -> bytes:  # fmt: skip
    """Everything that the store does not hold yet; the content_id."""
    head, payload = journal.head(), Payload(picked)
    if payload.size_bytes != head.core.payload_bytes:  # this machine names file types otherwise now
        journal.remove()
        raise FilesWrong("file_changed", "The folder's list is another one now.", "Start again.")
    sealer = Sealer(head, _content_key(account, journal), payload, journal.facts["part_bytes"])
    kept = _kept(account, journal, sealer)
    missing = [number for number in range(1, sealer.part_count + 1) if number not in kept]
    early = [number for number in missing if not sealer.holds_index(number)]
    if early:  # these get new rows, and the index with them
        late = [n for n in range(1, sealer.part_count + 1) if sealer.holds_index(n)]
        kept = {n: rows for n, rows in kept.items() if not sealer.holds_index(n)}
    else:
        late = missing
    meter = Meter(sealer.core.total_bytes, means.clock)
    for number, rows in kept.items():
        sealer.take(number, rows)
        meter.skip(sealer.size_of(number))
    if kept:
        means.say(f"{len(kept)} of {sealer.part_count} parts are there already.")
    senders = Senders(account.api, journal, sealer, meter, means)
    senders.run(early, slots=slots)
    senders.run(late, slots=1)
    meter.end()
    picked.check()
    return sealer.content_id()


def _kept(account: Account, journal: Journal, sealer: Sealer) -> dict[int, bytes]:
    """Rows of the parts that the store holds as this journal knows them."""
    kept: dict[int, bytes] = {}
    for number, size_bytes, etag in stored_parts(account, journal.facts["upload"]):
        known = journal.find(number, etag)
        if known is not None and size_bytes == sealer.size_of(number):
            kept[number] = known.rows
    return kept


def stored_parts(account: Account, upload_id: str) -> list[tuple[int, int, str]]:
    """Number, bytes and ETag of each part that the store holds of an open upload."""
    found: list[tuple[int, int, str]] = []
    is_last = False
    while not is_last:
        after = found[-1][0] if found else 0
        page: Any = account.api.get(f"uploads/{upload_id}/parts/?after={after}", session=True)
        found += [(part["number"], part["size_bytes"], part["etag"]) for part in page["parts"]]
        is_last = page["is_last"] or not page["parts"]
    return found


def complete(account: Account, journal: Journal, means: Means) -> None:
    """Until the server has read it all back and found it whole."""
    upload, content_id = journal.facts["upload"], journal.facts["content_id"]
    body = {"content_id": content_id}
    try:
        account.api.post(f"uploads/{upload}/completion/", body, session=True, repeatable=True)
    except Refused as error:
        if error.code != "parts_missing":
            raise
        journal.keep(content_id="")
        hint = "The same command sends them again."
        raise Unreachable(error.code, error.message, hint) from error
    means.say("Sent. The server reads it back and checks it.")
    turn = 0
    while True:
        found = account.api.get(f"uploads/{upload}/", session=True)
        if found["state"] == "verified":
            return
        if found["state"] in {"failed", "aborted"}:
            said = found["error"] or {"code": "upload_failed", "message": "It was not whole."}
            journal.remove()
            raise CommandFailed(said["code"], said["message"], "Upload it again.")
        means.wait(_LOOK_SECONDS[min(turn, len(_LOOK_SECONDS) - 1)])
        turn += 1


def _content_key(account: Account, journal: Journal) -> bytes:
    return container.derive_content_key(account.key.root, journal.head().core.file_id)
