"""From a checked upload to a link: page, secret, audit, the buyer's path once, publication.

The steps of the page (static/js/pages/publishing.js). Each may be repeated: a second run goes on
where the first one stopped.
"""

import os
import random
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kimcli import offers, releases
from kimcli.accounts import Account
from kimcli.errors import CommandFailed, Refused
from kimcli.means import Means
from kimcli.uploads import Stored
from kimcli.wire import read_stretch
from unlock import container
from unlock.container import Secrets, decode_b64url, encode_b64url, keys
from unlock.errors import Damaged, Forged

_SAMPLES = 5


@dataclass(frozen=True)
class Terms:
    """What the page will say. ``amount`` is a decimal in words, as it was typed."""

    title: str
    description: str
    amount: str
    currency: str
    confirmations: int | None = None
    is_instant: bool = False

    @property
    def fields(self) -> dict[str, Any]:
        price = {"amount": self.amount, "currency": self.currency}
        fields: dict[str, Any] = {"title": self.title, "description": self.description}
        fields |= {"price": price, "is_instant": self.is_instant}
        if self.confirmations is not None:
            fields["confirmations"] = self.confirmations
        return fields


def publish(account: Account, uploaded: Stored, fields: Mapping[str, Any], means: Means) -> str:
    """The whole share link. ``fields`` are those of ``POST files/``. The journal goes once it is sold."""
    secrets = container.derive_secrets(
        account.key.root, uploaded.core.file_id, generation=uploaded.generation
    )
    file_id = page(account, uploaded, fields)
    link = encode_b64url(secrets.link_secret)
    instance = str(account.api.facts()["instance"])
    if not _is_published(account, file_id, secrets):
        _deposit(account, file_id, uploaded, secrets)
        _audit(account, file_id, uploaded, secrets)
        means.say("Opening it once as a buyer would.")
        selftest = _selftest(account, file_id, secrets, means)
        body = {"selftest": selftest, "passed": True}
        account.api.post(f"files/{file_id}/publication/", body, session=True, repeatable=True)
    uploaded.journal.remove()
    return f"{instance}/f/{file_id}#1.{link}"


def _is_published(account: Account, file_id: str, secrets: Secrets) -> bool:
    """Whether an earlier run got through to its end, and only its answer was lost."""
    seen = account.api.get(f"files/{file_id}/", session=True)
    h_s = container.hash_commitment(secrets.release_secret).hex()
    return bool(seen["state"] == "published" and seen["h_s"] == h_s)


def page(account: Account, uploaded: Stored, fields: Mapping[str, Any]) -> str:
    """A draft on the server, new or from a run that did not get through."""
    known = uploaded.journal.facts.get("file")
    if known is None:
        known = _made(account, uploaded, fields)
        uploaded.journal.keep(file=known)
        return known
    account.api.patch(f"files/{known}/", fields)
    return str(known)


def _made(account: Account, uploaded: Stored, fields: Mapping[str, Any]) -> str:
    asked = {**fields, "upload": uploaded.upload_id}
    try:
        return str(account.api.post("files/", asked, session=True)["id"])
    except CommandFailed as error:
        # The answer to an earlier try may have been lost on its way, while the draft was made.
        if isinstance(error, Refused) and error.status == 400:
            raise
        files = account.api.get_all("files/", "files")
        made = [f for f in files if (f["upload"] or {}).get("id") == uploaded.upload_id]
        if not made:
            raise
        account.api.patch(f"files/{made[0]['id']}/", fields)
        return str(made[0]["id"])


def _deposit(account: Account, file_id: str, uploaded: Stored, secrets: Secrets) -> None:
    deposit = {
        "content_id": uploaded.content_id.hex(),
        "generation": uploaded.generation,
        "wrapped_key": encode_b64url(uploaded.wrapped_key),
        "h_s": container.hash_commitment(secrets.release_secret).hex(),
        "s": encode_b64url(secrets.release_secret),
    }
    account.api.put(f"files/{file_id}/secret/", deposit)


def _audit(account: Account, file_id: str, uploaded: Stored, secrets: Secrets) -> None:
    """The server draws a few segments and opens them with their keys: buyers see that it did."""
    core = uploaded.core
    count = container.audit_count(core.segments)
    if count == 0:
        return
    drawn = account.api.post(f"files/{file_id}/audit/", session=True, repeatable=True)
    nonce = decode_b64url(drawn["nonce"], container.AUDIT_NONCE_BYTES)
    numbers = container.audit_segments(
        uploaded.content_id, nonce, segments=core.segments, count=count
    )
    session = keys.open_content(core, secrets.content_key)
    message_key = session.message_key()
    shown = [container.SegmentKey(n, session.segment_key(message_key, n)) for n in numbers]
    entries = encode_b64url(container.build_entries(shown))
    account.api.put(f"files/{file_id}/audit/", {"entries": entries})


def _selftest(account: Account, file_id: str, secrets: Secrets, means: Means) -> str:
    """The buyer's path, run once before anybody can buy; the purchase that proves it."""
    api, seed = account.api, os.urandom(32)
    claim = container.derive_claim(seed)
    body = {"buyer_key": encode_b64url(container.buyer_key_pair(seed).public_key)}
    begun = api.post(f"files/{file_id}/selftest/", body, claim=claim, session=True)
    purchase_id = str(begun["purchase"])
    offer = api.get(f"files/{file_id}/", session=True)
    proven = offers.prove(api, offer, secrets.link_secret, means, session=True)
    release = releases.wait_for(api, purchase_id, claim, means)
    key = releases.content_key(
        release, offer, proven,
        purchase_id=purchase_id, seed=seed, link_secret=secrets.link_secret,
    )  # fmt: skip
    if key != secrets.content_key:
        raise Forged("Another key came out than went in.")
    urls = api.post(f"purchases/{purchase_id}/location/", claim=claim, repeatable=True)["urls"]
    if not urls:
        raise Damaged("The server names no copy of the file.")
    proven.core.check_size(int(urls[0]["bytes"]))
    _open_samples(account, urls[0]["url"], key, proven, means)
    return purchase_id


def _open_samples(
    account: Account, url: str, key: bytes, proven: offers.Proven, means: Means
) -> None:
    """First, last, and some in between, from the object as it lies in the store."""
    core = proven.core
    session = keys.open_content(core, key)
    message_key = session.message_key()
    drawn = {random.randrange(core.segments) for _ in range(_SAMPLES)}
    for number in sorted({0, core.segments - 1, *drawn}):
        at, size_bytes = core.segment_range(number)
        headers = {"Range": f"bytes={at}-{at + size_bytes - 1}"}
        stretch = {"url": url, "headers": headers, "bytes": size_bytes}
        stored = read_stretch(account.api.pool, stretch, means.wait)
        shown = container.SegmentKey(number, session.segment_key(message_key, number))
        container.open_shown(core, proven.index, shown, stored)
