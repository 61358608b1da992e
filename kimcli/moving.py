"""A creator moves to another instance: what is on sale there is put up here, from the same sealed
bytes and the same root (docs/kim.md).

Each file stands for itself: one that cannot be taken over is named, and the others go on. It may be
run again: what is up is left alone, what is half done is gone on with. The old instance is only read.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kimcli import accounts, carrying, selling, sources
from kimcli.accounts import Account
from kimcli.carrying import Load
from kimcli.errors import CommandFailed, Refused, Unreachable
from kimcli.exports import Held, Past
from kimcli.means import Means
from kimcli.sources import Ciphertext, Place
from unlock import container
from unlock.container import encode_b64url
from unlock.errors import ContainerError

_OF_ONE = frozenset({"rate_unavailable", "copy_unavailable"})  # told as 503, but of one file
_FOR_ALL = frozenset({"scope_missing", "token_refused", "instance_closing"})
_DRAFT = "draft"
_ON_SALE = "published"


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """``folder``: where sealed files lie, asked before anything that needs a line."""

    folder: Path | None
    slots: int
    is_dry: bool


def move(account: Account, past: Past, wishes: Wishes, means: Means) -> None:
    """Take over every file on sale; both links of each, the old one first, as a result line.

    Raises CommandFailed at the end where some were not taken over, and what stops all of them.
    """
    there = _there(account)
    places: Mapping[bytes, Path] = {}
    if wishes.folder is not None:
        places = sources.in_folder(wishes.folder, (held.core for held in past.files))
    if account.api.token and not any(row["h_s"] for row in there.values()):
        means.say("If this account was not made by kim sign-up, its pages know another key.")
    means.say(f"{len(past.files)} files are on sale there; {past.others} others stay behind.")
    if wishes.is_dry:
        _list(account, past, there, places, means)
        return
    failed = 0
    for held in past.files:
        try:
            _take(account, past, held, there.get(held.content_id.hex()), places, wishes, means)
        except (CommandFailed, ContainerError, OSError) as error:
            if stops_all(error):
                raise
            failed += 1
            means.say(f"not moved: {held.title}: {_said(error)}")
    if failed:
        raise CommandFailed(
            "move_incomplete", f"{failed} of {len(past.files)} files are not on sale here.",
            "The same command goes on with them.",
        )  # fmt: skip


def _there(account: Account) -> dict[str, Any]:
    """The account's files by content_id. Raises CommandFailed where they have another root."""
    found: dict[str, Any] = {}
    for row in account.api.get_all("files/", "files"):
        if row["h_s"] and not _is_ours(account, row):
            raise CommandFailed(
                "key_of_another",
                f"{account.username} sells here under another key already.",
                "Move into a new account: one account has one key.",
            )
        if row["content_id"]:
            found.setdefault(row["content_id"], row)
    return found


def _is_ours(account: Account, row: Any) -> bool:
    return accounts.is_root_of(
        account.key.root, row["link_file_id"], row["h_s"], int(row["generation"])
    )


def stops_all(error: Exception) -> bool:
    if isinstance(error, Unreachable):
        return error.code not in _OF_ONE
    return isinstance(error, Refused) and (error.status == 401 or error.code in _FOR_ALL)


def _said(error: Exception) -> str:
    if isinstance(error, CommandFailed):
        return f"{error.code}: {error.message} {error.hint}".rstrip()
    if isinstance(error, ContainerError):
        return f"{error.code}: {error.message} {error.said_hint}"
    return f"file: {error}"


def _take(
    account: Account, past: Past, held: Held, known: Any, places: Mapping[bytes, Path],
    wishes: Wishes, means: Means,
) -> None:  # fmt: skip
    """One file, as far as it is not there. ``known``: the row of this content here, or None."""
    check_root(account, held)
    if known is not None and known["state"] != _DRAFT:
        carrying.path_for(account, held).unlink(missing_ok=True)
        means.say(f"{held.title}: is here already, {known['state']}.")
        if known["state"] == _ON_SALE:
            means.result(f"{_old_link(account, past, held)} {_new_link(account, known)}")
        return
    means.say(f"{held.title}: {held.core.total_bytes} sealed bytes")
    ciphertext = _ciphertext(past, held, places, means)
    generation = generation_of(held)
    secrets = container.derive_secrets(
        account.key.root, held.core.file_id, generation=generation
    )  # fmt: skip
    container.open_content(held.core, secrets.content_key)
    load = Load(held, ciphertext, secrets, generation)
    try:
        stored = carrying.bring(account, load, known, slots=wishes.slots, means=means)
    finally:
        ciphertext.close()
    file_id = selling.page(account, stored, held.fields)
    _put_cover(account, past, held, file_id, means)
    for line in held.left_behind:
        means.say(f"{held.title}: {line}")
    link = selling.publish(account, stored, held.fields, means)
    means.result(f"{_old_link(account, past, held)} {link}")


def check_root(account: Account, held: Held) -> None:
    """S of there must follow from this root, by the commitment that buyers were shown."""
    file_id = held.link_file_id.hex()
    if not accounts.is_root_of(account.key.root, file_id, held.h_s, held.generation):
        raise CommandFailed(
            "key_of_another", "It was sealed with another key.", "Name that key with --key-file."
        )


def generation_of(held: Held) -> int:
    """Of S and L here: a file begins with its own file id, so one whose content was never replaced
    keeps the link secret that it has now, and never gets one back that had leaked.
    """
    return held.link_generation if held.link_file_id == held.core.file_id else 0


def _ciphertext(past: Past, held: Held, places: Mapping[bytes, Path], means: Means) -> Ciphertext:
    def find() -> list[Place]:
        here = places.get(held.core.raw)
        return [*([here] if here else []), *past.addresses(held)]

    return Ciphertext(held.core, held.content_id, find, means.wait)


def _put_cover(account: Account, past: Past, held: Held, file_id: str, means: Means) -> None:
    try:
        found = past.picture(held)
        if found is not None:
            media_type, picture = found
            account.api.put(f"files/{file_id}/cover/", picture, media_type=media_type)
    except (Refused, ValueError) as error:
        means.say(f"{held.title}: The cover stays behind: {error}")


def _old_link(account: Account, past: Past, held: Held) -> str:
    secret = container.derive_link_secret(
        account.key.root, held.link_file_id, generation=held.link_generation
    )
    return held.link or f"{past.instance}/f/{held.file_id}#1.{encode_b64url(secret)}"


def _new_link(account: Account, row: Any) -> str:
    secret = container.derive_link_secret(
        account.key.root, bytes.fromhex(row["link_file_id"]), generation=row["link_generation"]
    )
    instance = str(account.api.facts()["instance"])
    return f"{instance}/f/{row['id']}#1.{encode_b64url(secret)}"


# --- what would be done ---


def _list(
    account: Account, past: Past, there: Mapping[str, Any], places: Mapping[bytes, Path],
    means: Means,
) -> None:  # fmt: skip
    most = int(account.api.get("limits/")["max_file_bytes"])
    total_bytes = 0
    for held in past.files:
        todo = _todo(account, held, there.get(held.content_id.hex()), most_bytes=most)
        if todo == "move":
            total_bytes += held.core.total_bytes
            todo = f"move from {_origin(past, held, places)}"
        means.result(f"{held.core.total_bytes} {todo}: {held.title}")
        for line in held.left_behind:
            means.say(f"{held.title}: {line}")
    means.say(f"{total_bytes} bytes would be sent. Nothing was done.")


def _todo(account: Account, held: Held, known: Any, *, most_bytes: int) -> str:
    try:
        check_root(account, held)
    except CommandFailed:
        return "sealed with another key"
    if known is not None and known["state"] != _DRAFT:
        return f"here already, {known['state']}"
    if held.core.payload_bytes > most_bytes:
        return f"larger than the {most_bytes} bytes that are allowed here"
    if known is not None or carrying.path_for(account, held).exists():
        return "go on"
    return "move"


def _origin(past: Past, held: Held, places: Mapping[bytes, Path]) -> str:
    here = places.get(held.core.raw)
    if here is not None:
        return str(here)
    if past.api is not None:
        return past.api.server
    return held.urls[0] if held.urls else "nowhere: name a folder with --from"
