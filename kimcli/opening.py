"""What was bought, brought from any copy and opened: ``x.part`` first, renamed when all is checked."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

from kimcli import keyfiles
from kimcli.errors import CommandFailed, Unreachable
from kimcli.means import Means
from kimcli.offers import Proven
from kimcli.orders import Order
from kimcli.wire import Api
from unlock import container
from unlock.container import Licence, Reader, decode_b64url
from unlock.container.meter import Meter
from unlock.container.remote import RemoteFailed, RemoteFile
from unlock.container.unpack import write_bundle, write_file
from unlock.errors import BadDirectory, ContainerError, Damaged, Forged, SignatureInvalid

_FRUITLESS_MOST = 6
_PAUSE_MOST_SECONDS = 30.0


@dataclass(frozen=True, repr=False)
class Bought:
    api: Api
    order: Order
    offer: Any
    proven: Proven
    content_key: bytes

    def locations(self) -> list[Any]:
        path = f"purchases/{self.order.purchase}/location/"
        found = self.api.post(path, claim=self.order.claim, repeatable=True)
        return list(found["urls"])


def keep_licence(bought: Bought, target: Path, means: Means) -> None:
    """The file that opens any copy for ever, without the server; beside the target, mode 0600.

    Without a receipt there is none yet, and the file is opened all the same.
    """
    try:
        _keep_licence(bought, target, means)
    except CommandFailed as error:
        means.say(f"No licence now ({error.code}); your return link gives it later.")


def _keep_licence(bought: Bought, target: Path, means: Means) -> None:
    signed = bought.api.get(f"purchases/{bought.order.purchase}/receipt/", claim=bought.order.claim)
    receipt, signature = (decode_b64url(signed[name]) for name in ("receipt", "signature"))
    try:
        known = decode_b64url(bought.api.facts()["signing_key"])
        container.verify_receipt(known, receipt, signature)
    except SignatureInvalid:
        means.say(
            "The receipt is not signed as this server says. The licence opens the file anyway."
        )
    lasting = [url["url"] for url in bought.locations() if url["is_lasting"]]
    licence = Licence(
        bought.proven.content_id, bought.content_key, bought.proven.name,
        (f"{bought.api.server}/f/{bought.offer['id']}", *lasting), receipt, signature,
    )  # fmt: skip
    path = _licence_path(target, licence)
    keyfiles.replace(path, container.build_licence(licence))
    means.say(f"Your licence, which opens any copy without the server: {path}")


def _licence_path(target: Path, licence: Licence) -> Path:
    """Beside the target; the licence of another content that lies there is not written over."""
    path = target.with_name(f"{target.name}.licence.json")
    if not path.exists():
        return path
    try:
        is_same = container.parse_licence(path.read_bytes()).content_id == licence.content_id
    except ContainerError:
        is_same = False
    mark = licence.content_id.hex()[:12]
    return path if is_same else target.with_name(f"{target.name}.{mark}.licence.json")


def fetch(bought: Bought, target: Path, means: Means, *, is_forced: bool) -> None:
    """Open it from the first copy that gives it whole. Raises what no copy could mend."""
    bad: dict[str, ContainerError] = {}
    fruitless, done_bytes = 0, 0
    while True:
        copies = [copy for copy in bought.locations() if copy["copy"] not in bad]
        if not copies:
            break
        copy = copies[fruitless % len(copies)]
        meter = Meter(bought.proven.core.payload_bytes, means.clock)
        try:
            _write(bought, str(copy["url"]), target, meter, means, is_forced=is_forced)
        except RemoteFailed as error:
            # Signed addresses end within the hour, hosts stumble: what was written stays.
            fruitless = 0 if meter.total_done_bytes > done_bytes else fruitless + 1
            done_bytes = max(done_bytes, meter.total_done_bytes)
            if fruitless >= _FRUITLESS_MOST:
                hint = "Nothing is lost: the same command goes on from here."
                raise Unreachable("store_unreadable", str(error.strerror), hint) from error
            means.wait(min(0.5 * 2**fruitless, _PAUSE_MOST_SECONDS))
        except Damaged as error:
            _report_copy(bought, copy, error)
            bad[copy["copy"]] = error
        except (Forged, BadDirectory) as error:
            complain(bought.api, bought.order, "segment", error)
            raise
        else:
            meter.end()
            return
    if bad:
        worst = next(iter(bad.values()))
        complain(bought.api, bought.order, "segment", worst)
        raise worst
    raise Unreachable("copy_unavailable", "The server names no copy now.", "Try again later.")


def complain(api: Api, order: Order, step: str, error: ContainerError) -> None:
    """Tell the server what failed after payment, as the page does: a claim for the money back."""
    step = "directory" if isinstance(error, BadDirectory) else step
    told = {"step": step, "code": error.code, "segment": getattr(error, "segment", None)}
    try:
        api.post(f"purchases/{order.purchase}/failures/", told, claim=order.claim, repeatable=True)
    except CommandFailed:
        return  # what failed is said anyway; the claim can be made from the return link


def _write(
    bought: Bought, url: str, target: Path, meter: Meter, means: Means, *, is_forced: bool
) -> None:
    with cast("BinaryIO", RemoteFile(url, means.wait)) as file:
        found = container.Container(file)
        found.check_content_id(bought.proven.content_id)
        reader = Reader(found, bought.content_key)
        if not reader.core.is_bundle:
            write_file(reader, target, is_forced=is_forced, progress=meter)
            return
        _, renamed = write_bundle(reader, target, is_forced=is_forced, progress=meter)
    for path, written_as in renamed:
        means.say(f"Renamed for this disk: {path} is {written_as}")


def _report_copy(bought: Bought, copy: Any, error: Damaged) -> None:
    at = 0 if error.segment is None else bought.proven.core.segment_range(error.segment).offset
    path = f"purchases/{bought.order.purchase}/complaints/"
    try:
        bought.api.post(path, {"copy": copy["copy"], "offset": at}, claim=bought.order.claim)
    except CommandFailed:
        return
