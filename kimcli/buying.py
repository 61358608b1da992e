"""From a link to an opened file: everything is checked, then ordered, paid, waited for, opened."""

import os
import shlex
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kimcli import keyfiles, offers, opening, orders, releases
from kimcli.errors import CommandFailed, FilesWrong, Refused, Unpaid
from kimcli.means import Means
from kimcli.offers import Proven
from kimcli.orders import Order, Orders
from kimcli.wire import Api, origin_of
from unlock import container
from unlock.container import Link, encode_b64url
from unlock.container.names import safe_name
from unlock.errors import ContainerError, Damaged

_LOOK_SECONDS = (1.0, 1.0, 2.0, 3.0, 5.0, 8.0, 10.0)
_CLAIMS_MOST = 64
_NOT_YOURS = "Nothing was paid now. Ask its creator, or look at your return link in a browser."
_SAT = 100_000_000


@dataclass(frozen=True, kw_only=True)
class Wishes:
    """How the person wants it. ``pay_with`` is a command that gets the BIP-21 URI as its last word;
    ``pays`` an amount in the file's currency, where its buyer names the price.
    """

    out: Path
    key_path: Path
    pay_with: str = ""
    at_most_sat: int | None = None
    pays: str = ""
    wait_seconds: float = 86_400
    is_again: bool = False
    pays_again: bool = False
    is_forced: bool = False


def buy(url: str, wishes: Wishes, means: Means) -> Path:
    """Where the file lies. Running it again goes on with the same purchase."""
    link = container.parse_link(url)
    api = Api(origin_of(url), means.wait)
    book = Orders(wishes.key_path)
    order, offer = _found(api, link, book, wishes)
    proven = offers.prove(api, offer, link.link_secret, means)
    if order is not None and order.content_id not in {"", proven.content_id.hex()}:
        raise CommandFailed("content_changed", "It is not what you ordered any more.", _NOT_YOURS)
    target = _target(wishes, proven)
    _tell(offer, proven, means)
    name = orders.name_of(api.server, offer["id"])
    if order is None:
        order = _order(api, offer, link, book, wishes, means)
    means.say(
        f"Your return link, which opens this purchase anywhere: {order.return_link(api.server)}"
    )
    _Payment(api, order, book, name, wishes, means).settle()
    release = releases.wait_for(api, order.purchase, order.claim, means)
    try:
        key = releases.content_key(
            release, _promised(offer, order), proven,
            purchase_id=order.purchase, seed=order.raw_seed, link_secret=link.link_secret,
        )  # fmt: skip
    except ContainerError as error:
        opening.complain(api, order, "open", error)
        raise
    bought = opening.Bought(api, order, offer, proven, key)
    opening.keep_licence(bought, target, means)
    opening.fetch(bought, target, means, is_forced=wishes.is_forced)
    return target


def _found(
    api: Api, link: Link, book: Orders, wishes: Wishes
) -> tuple[Order | None, Any]:  # fmt: skip
    """The order to go on with, if there is one, and the offer."""
    if link.seed is not None:
        order = orders.of_return_link(link.id, link.link_secret, link.seed)
        offer = api.get(f"purchases/{order.purchase}/", claim=order.claim)["file"]
        kept = book.find(orders.name_of(api.server, offer["id"]))
        return (kept if kept and kept.purchase == order.purchase else order), offer
    offer = api.get(f"files/{link.id}/")
    known = None if wishes.is_again else book.find(orders.name_of(api.server, link.id))
    if known is None and offer["state"] != "published":
        raise CommandFailed("not_for_sale", "It is not for sale now.", "Ask its creator.")
    return known, offer


def _target(wishes: Wishes, proven: Proven) -> Path:
    """Known, and free, before anything is paid. Raises FilesWrong."""
    out = wishes.out
    target = out / safe_name(proven.name) if out.is_dir() else out
    if target.exists() and not wishes.is_forced:
        raise FilesWrong("exists", f"{target} exists already.", "Choose another --out, or --force.")
    target.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(target.parent, os.W_OK):
        raise FilesWrong("not_writable", f"Nothing can be written into {target.parent}.")
    return target


def _tell(offer: Any, proven: Proven, means: Means) -> None:
    price = offer["price"]
    kind = "a folder" if proven.core.is_bundle else "a file"
    means.say(f"{offer['title']}: {kind} of {proven.core.payload_bytes} bytes, {proven.name}")
    means.say(f"Link, header and content fit each other. {price['amount']} {price['currency']}.")


def _order(
    api: Api, offer: Any, link: Link, book: Orders, wishes: Wishes, means: Means
) -> Order:  # fmt: skip
    key = keyfiles.read(wishes.key_path, "buyer")
    if key is None:
        key = keyfiles.make(wishes.key_path, "buyer")
        means.say(
            f"A buyer's key was made: {wishes.key_path}. With it, everything bought opens again."
        )
        means.say(f"The same as 24 words, for paper: {key.words}")
    for number in range(book.next_number, book.next_number + _CLAIMS_MOST):
        seed = container.derive_seed(key.root, number)
        body = {"buyer_key": encode_b64url(container.buyer_key_pair(seed).public_key)}
        try:
            claim = container.derive_claim(seed)
            asked = {**body, **_agreed(offer, wishes, link.code)}
            made = api.post(f"files/{offer['id']}/purchases/", asked, claim=claim)
        except Refused as error:
            if error.code != "claim_known":
                raise
            continue
        if made["file"]["content_id"] != offer["content_id"] or made["file"]["h_s"] != offer["h_s"]:
            raise Damaged("The offer changed in this moment; nothing was paid.")
        order = Order(
            str(made["id"]), encode_b64url(link.link_secret), encode_b64url(seed),
            h_s=offer["h_s"], content_id=offer["content_id"], wrapped_key=offer["wrapped_key"],
            ticket=made["ticket"],
        )  # fmt: skip
        book.keep(orders.name_of(api.server, offer["id"]), order, number=number)
        return order
    raise CommandFailed(
        "claim_known", "This key file bought elsewhere too often.", "Take a new one."
    )


def _agreed(offer: Any, wishes: Wishes, code: str) -> dict[str, Any]:
    """The price that was seen, as the most to be asked; or what the buyer gives; and the code."""
    selling = offer.get("selling") or {}
    agreed: dict[str, Any] = {"code": code} if code else {}
    if wishes.pays:
        agreed["pays"] = {"amount": wishes.pays, "currency": offer["price"]["currency"]}
    elif selling.get("kind", "fixed") == "fixed" and not selling.get("free_left"):
        agreed["pays"] = offer["price"]
    return agreed


def _promised(offer: Any, order: Order) -> Any:
    """What was fixed before payment rules over what the server says now."""
    kept = {name: getattr(order, name) for name in ("h_s", "content_id", "wrapped_key")}
    return {**offer, **{name: value for name, value in kept.items() if value}}


class _Payment:
    """One purchase on its way to being paid."""

    def __init__(
        self, api: Api, order: Order, book: Orders, name: str, wishes: Wishes, means: Means
    ) -> None:
        self._api = api
        self._order = order
        self._book = book
        self._name = name
        self._wishes = wishes
        self._means = means
        self._told = ""
        self._is_quoted = False

    def settle(self) -> None:
        """Until the key may be asked for. Raises Unpaid, CommandFailed."""
        until = self._means.clock() + self._wishes.wait_seconds
        turn = 0
        while True:
            seen = self._look()
            if seen["release"] != "none" or seen["invoice"] is None:
                return
            invoice = seen["invoice"]
            if invoice["is_withdrawn"]:
                raise CommandFailed("withdrawn", seen["says"], "What was paid comes back to you.")
            seen = self._quoted(seen)
            self._ask(seen)
            if self._means.clock() >= until:
                link = self._order.return_link(self._api.server)
                raise Unpaid("not_paid", seen["says"], f"Go on any time: kim buy {link}")
            self._means.wait(_LOOK_SECONDS[min(turn, len(_LOOK_SECONDS) - 1)])
            turn += 1

    def _look(self) -> Any:
        """How it stands. A server that has lost it gets its own signed promise back."""
        path, claim = f"purchases/{self._order.purchase}/", self._order.claim
        try:
            return self._api.get(path, claim=claim)
        except Refused as error:
            if error.status != 404 or self._order.ticket is None:
                raise
        return self._api.post(
            "purchases/restored/", self._order.ticket, claim=claim, repeatable=True
        )

    def _quoted(self, seen: Any) -> Any:
        """A new quote where the last one was over when this run began and nothing was sent.

        Only one a run: a quote may hold a copy that somebody else would buy. Raises Unpaid.
        """
        invoice = seen["invoice"]
        is_over = invoice["state"] == "EXPIRED" and not invoice["seen_sat"]
        if not is_over or (self._order.is_paying and not self._wishes.pays_again):
            self._is_quoted = True
            return seen
        if self._is_quoted:
            link = self._order.return_link(self._api.server)
            raise Unpaid("quote_over", seen["says"], f"For a new quote: kim buy {link}")
        self._is_quoted = True
        path = f"purchases/{self._order.purchase}/quotes/"
        return self._api.post(path, claim=self._order.claim)

    def _ask(self, seen: Any) -> None:
        """Say what is new; pay or show what is owed, once for each amount."""
        invoice = seen["invoice"]
        news = f"{seen['says']} {invoice['uri'] if seen['is_payable'] else ''}"
        if news == self._told:
            return
        self._told = news
        self._means.say(seen["says"])
        for note in seen["notes"]:
            self._means.say(note)
        if not seen["is_payable"] or not invoice["missing_sat"]:
            return
        most = self._wishes.at_most_sat
        if most is not None and invoice["due_sat"] > most:
            message = f"{invoice['due_sat']} sat are asked, more than {most}."
            raise Unpaid("too_dear", message, "Nothing was paid.")
        amount = f"{invoice['missing_sat'] // _SAT}.{invoice['missing_sat'] % _SAT:08}"
        self._means.say(f"To pay: {amount} BCH, until {invoice['quote_until']}.")
        if self._wishes.pay_with:
            self._pay(invoice["uri"])
        else:
            self._means.result(invoice["uri"])

    def _pay(self, uri: str) -> None:
        if self._order.is_paying and not self._wishes.pays_again:
            self._means.say("It was paid by command once already; --pay-again would do it again.")
            return
        self._order = self._book.mark_paying(self._name, self._order)
        words = [*shlex.split(self._wishes.pay_with), uri]
        try:
            done = subprocess.run(words, check=False, stdout=subprocess.DEVNULL)  # noqa: S603 - the person's own command
        except OSError as error:
            raise FilesWrong(
                "pay_command", f"{words[0]} does not run: {error.strerror}."
            ) from error
        if done.returncode != 0:
            message = f"The command that pays ended with {done.returncode}."
            raise CommandFailed("pay_command", message, "Look whether it paid, then --pay-again.")
