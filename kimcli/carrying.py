"""A sealed file brought to another instance as it is; goes on where an earlier run was cut.

What is sold, core header, segments and index, is sent byte for byte. The area behind the core header
holds what opens with the link: it stays as well, and is written anew only where the link's secret
is another one there (protocol.md: that area is no part of the content_id).
"""

import hashlib
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kimcli import journals, uploads
from kimcli.accounts import Account
from kimcli.errors import Refused
from kimcli.exports import Held
from kimcli.journals import Journal
from kimcli.means import Means
from kimcli.sealing import Head, Parts, Sealed
from kimcli.senders import Senders
from kimcli.sources import Ciphertext
from kimcli.uploads import Stored
from unlock import container
from unlock.container import CoreHeader, Meta, Secrets, Tlv, keys
from unlock.container.meter import Meter
from unlock.container.tlvs import TYPE_HINT, TYPE_META_LINK
from unlock.errors import Damaged, WrongKey

_GONE = frozenset({404, 409, 410})
_OVER = frozenset({"failed", "aborted"})
_IV_BYTES = 12


@dataclass(frozen=True, repr=False)
class Load:
    """One file to carry: how it was held, its bytes, and its secrets where it goes."""

    held: Held
    ciphertext: Ciphertext
    secrets: Secrets
    generation: int

    @property
    def core(self) -> CoreHeader:
        return self.held.core


class Carrier(Parts):
    """Parts of a container that exists; ``raw_header`` are its first bytes as they are to lie there."""

    def __init__(self, ciphertext: Ciphertext, raw_header: bytes, part_bytes: int) -> None:
        super().__init__(ciphertext.core, part_bytes)
        self._ciphertext = ciphertext
        self._raw_header = raw_header
        self._raw_index = ciphertext.container().index.raw

    def seal(self, number: int) -> Sealed:
        """Read, each segment's hash compared. Raises CommandFailed."""
        pieces = [self._raw_header] if number == 1 else []
        pieces += [self._ciphertext.segment(segment) for segment in self.segments_of(number)]
        if self.holds_index(number):
            pieces.append(self.index_in(number, self._raw_index))
        raw = b"".join(pieces)
        return Sealed(number, raw, b"", hashlib.md5(raw, usedforsecurity=False).hexdigest())


def path_for(account: Account, held: Held) -> Path:
    """Where the journal of this move lies."""
    return journals.path_of_move(
        account.key.path, server=account.api.server, username=account.username,
        content_id=held.content_id.hex(),
    )  # fmt: skip


def bring(account: Account, load: Load, known: Any, *, slots: int, means: Means) -> Stored:
    """Send what is not there yet, until the server has checked it all. ``known``: the draft that an
    earlier run made of it, or None. Raises what stopped it.
    """
    journal = _known(account, load) or _begin(account, load, known)
    content_id = load.held.content_id
    try:
        if not journal.facts.get("content_id"):
            _send(account, journal, load, slots=slots, means=means)
            journal.keep(content_id=content_id.hex())
        uploads.complete(account, journal, means)
    finally:
        journal.close()
    return Stored(
        upload_id=journal.facts["upload"],
        core=load.core,
        content_id=content_id,
        wrapped_key=journal.head().wrapped_key,
        journal=journal,
        generation=load.generation,
    )


def _known(account: Account, load: Load) -> Journal | None:
    """The journal of an earlier run, if the server still knows that upload."""
    journal = journals.load(path_for(account, load.held))
    if journal is None or journal.head().core != load.core:
        return None
    try:
        found = account.api.get(f"uploads/{journal.facts['upload']}/", session=True)
    except Refused as error:
        if error.status not in _GONE:
            raise
        return None
    return journal if found["state"] not in _OVER else None


def _begin(account: Account, load: Load, known: Any) -> Journal:
    head, is_as_it_was = head_of(account, load)
    facts: dict[str, Any] = {"is_as_it_was": is_as_it_was}
    asked = {
        "size_bytes": load.core.total_bytes,
        "core_header": container.encode_b64url(load.core.raw),
    }
    try:
        begun = account.api.post("uploads/", asked, session=True, repeatable=True)
    except Refused as error:
        if error.code != "upload_known" or not (known and known["upload"]):
            raise
        # The journal was lost, the draft was not.
        begun = account.api.get(f"uploads/{known['upload']['id']}/", session=True)
        facts |= {"file": known["id"], "content_id": load.held.content_id.hex()}
    return journals.start(
        path_for(account, load.held), head,
        upload=begun["id"], part_bytes=begun["part_bytes"], **facts,
    )  # fmt: skip


def head_of(account: Account, load: Load) -> tuple[Head, bool]:
    """What the container begins with there, and whether that is what it begins with now."""
    core, secrets, found = load.core, load.secrets, load.ciphertext.container()
    hint = json.dumps({"u": f"{account.api.server}/open/"}).encode()
    wrapped = keys.wrap(core, secrets, gcm_iv=os.urandom(_IV_BYTES))
    for known in (load.held.wrapped_key, *container.wraps_of(found.tlvs)):
        if _opens(core, known, secrets):
            wrapped = known
            break
    try:
        container.open_meta(core, found.tlvs, secrets.link_secret)
    except WrongKey:
        meta = _meta(account.key.root, load.held, found)
        iv = os.urandom(_IV_BYTES)
        described = keys.seal_meta(core, secrets.link_secret, meta, gcm_iv=iv)
        return Head(core, wrapped, described, hint), False
    described = next(tlv.value for tlv in found.tlvs if tlv.kind == TYPE_META_LINK)
    hint = next((tlv.value for tlv in found.tlvs if tlv.kind == TYPE_HINT), hint)
    return Head(core, wrapped, described, hint), True


def _opens(core: CoreHeader, wrapped: bytes, secrets: Secrets) -> bool:
    try:
        found = keys.unwrap(
            core, wrapped,
            release_secret=secrets.release_secret, link_secret=secrets.link_secret,
        )  # fmt: skip
    except WrongKey:
        return False
    return found == secrets.content_key


def _meta(root: bytes, held: Held, found: container.Container) -> Meta:
    """The description, under the link of now or one that the file had. Raises Damaged."""
    newest = container.derive_link_secret(root, held.link_file_id, generation=held.link_generation)
    tries: list[tuple[Sequence[Tlv], bytes]] = []
    if held.meta_link:
        tries.append(((Tlv(TYPE_META_LINK, held.meta_link),), newest))
    for generation in range(held.link_generation, -1, -1):
        older = container.derive_link_secret(root, held.link_file_id, generation=generation)
        tries.append((found.tlvs, older))
    for tlvs, link_secret in tries:
        try:
            return container.open_meta(held.core, tlvs, link_secret)
        except WrongKey:
            continue
    raise Damaged("The file's description opens with none of its links.")


def _send(
    account: Account, journal: Journal, load: Load, *, slots: int, means: Means
) -> None:  # fmt: skip
    raw_header = journal.head().raw
    if journal.facts["is_as_it_was"]:
        raw_header = load.ciphertext.header()
    carrier = Carrier(load.ciphertext, raw_header, journal.facts["part_bytes"])
    kept = {
        number
        for number, size_bytes, etag in uploads.stored_parts(account, journal.facts["upload"])
        if journal.find(number, etag) and size_bytes == carrier.size_of(number)
    }
    meter = Meter(load.core.total_bytes, means.clock)
    for number in kept:
        meter.skip(carrier.size_of(number))
    if kept:
        means.say(f"{len(kept)} of {carrier.part_count} parts are there already.")
    missing = [number for number in range(1, carrier.part_count + 1) if number not in kept]
    Senders(account.api, journal, carrier, meter, means).run(missing, slots=slots)
    meter.end()
