"""``kim move``: what is on sale at one instance is put up at another, from the same sealed bytes."""

from __future__ import annotations

import json
import os
import signal
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import urlopen

import pytest
from playwright.sync_api import Browser, expect

from kim.stack import Stack
from kimcli import accounts, exports, keyfiles
from kimcli.wire import Api
from tests.e2e import people
from tests.e2e.people import Devchain
from tests.e2e.shells import Shell, sha256_of, sign_up
from tests.e2e.test_cli import pay_command
from tests.stacks import make_stack, running
from unlock import container
from unlock.container import encode_b64url

pytestmark = [pytest.mark.stack]

MIB = 2**20


@dataclass(frozen=True)
class Side:
    """One account at one instance: its shell, and the page's session."""

    shell: Shell
    api: Api
    derived: str

    @property
    def key_path(self) -> Path:
        host = urlsplit(self.shell.server).netloc.replace(":", "-")
        return self.shell.home / f"creator-{host}-{self.shell.username}.json"

    @property
    def words(self) -> str:
        key = keyfiles.read(self.key_path, "creator")
        assert key is not None
        return key.words

    def token(self, *scopes: str) -> str:
        wish = {"name": "move", "days": 1, "derived": self.derived, "scopes": scopes}
        return str(self.api.post("tokens/", wish, session=True)["token"])

    def file(self, link: str) -> str:
        return urlsplit(link).path.rpartition("/")[2]

    def row(self, link: str) -> dict[str, object]:
        """Without what counts or follows the clock."""
        row = self.api.get(f"files/{self.file(link)}/", session=True)
        return {name: row[name] for name in row if name not in {"sales", "price_sat_estimate"}}

    def sealed(self, link: str) -> bytes:
        """The object as it lies in the store."""
        path = f"files/{self.file(link)}/copies/?with=address"
        address = self.api.get(path, session=True)["copies"][0]["address"]
        with urlopen(address, timeout=30) as answer:
            return bytes(answer.read())

    def sell(self, path: Path, *more: object, price: str = "2.00") -> str:
        done = self.shell.run("sell", path, "--price", price, *more)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()


def enter(stack: Stack, name: str, home: Path) -> Side:
    server = stack.layout.public_url
    sign_up(server, name)
    api = Api(server, lambda _seconds: None)
    worked = accounts.log_in(api, name, people.PASSWORD)
    return Side(Shell(home, server, name), api, encode_b64url(worked.proof))


def join(stack: Stack, name: str, home: Path, *, words: str) -> Side:
    """An account that is made for a key, as ``kim sign-up`` makes it."""
    shell = Shell(home, stack.layout.public_url, name)
    done = replace(shell, more={"KIM_WORDS": words}).run("sign-up")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{shell.server}/settings/\n"
    api = Api(shell.server, lambda _seconds: None)
    derived = encode_b64url(accounts.log_in(api, name, people.PASSWORD).proof)
    api.put("payout/", {"value": api.get("payout/", session=True)["suggested"], "derived": derived})
    return Side(shell, api, derived)


def mover(old: Side, new: Side) -> Shell:
    """Who holds the key, a token that may read there and one that may write here."""
    tokens = {
        "KIM_OLD_TOKEN": old.token("files:read"),
        "KIM_TOKEN": new.token("files:write", "uploads:write"),
        "KIM_PASSWORD": "",
    }
    return replace(new.shell, more=tokens)


def bought(link: str, chain: Devchain, folder: Path, *more: object) -> Path:
    out = folder / "bought"
    wallet = pay_command(chain, folder)
    done = Shell(folder / "buyer").run("buy", link, "--out", out, "--pay-with", wallet, *more)
    assert done.returncode == 0, done.stderr
    return out


def test_a_file_is_taken_over_as_it_is_and_sold_here(
    stack: Stack, chain: Devchain, tmp_path: Path
) -> None:
    """Two accounts of one instance know as little of each other as two instances do."""
    original = tmp_path / "lied.bin"
    original.write_bytes(os.urandom(MIB + 77))
    old = enter(stack, "maya-departs", tmp_path / "old")
    link = old.sell(original, "--title", "Lied", "--instant")
    file = f"files/{old.file(link)}/"
    wish = {"pricing": {"stock": 7, "shows_stock": True}, "showcase": {"is_adult": True}}
    old.api.patch(file, wish)
    old.api.post(f"{file}codes/", {"percent": 10}, session=True)
    new = join(stack, "maya-arrives", tmp_path / "new", words=old.words)
    before, shell = old.row(link), mover(old, new)
    where = ("--old", old.shell.server)

    planned = shell.run("move", *where, "--dry-run")

    assert planned.returncode == 0, planned.stderr
    assert planned.stdout.splitlines() == [
        f"{before['size_bytes']} move from {old.shell.server}: Lied"
    ]
    assert "1 discount or gift codes stay behind" in planned.stderr
    assert new.api.get_all("files/", "files") == []

    done = shell.run("move", *where)
    again = shell.run("move", *where)

    assert done.returncode == again.returncode == 0, done.stderr + again.stderr
    assert done.stdout == again.stdout
    assert "is here already, published" in again.stderr
    was, moved = done.stdout.split()
    assert was == link
    row = new.row(moved)
    own = {"id", "creator", "upload", "created_at", "copies", "payout_kind", "audit", "checks"}
    assert {name: row[name] for name in row if name not in own} == {
        name: before[name] for name in before if name not in own
    }
    assert new.sealed(moved) == old.sealed(link)
    assert old.row(link) == before
    assert not list(shell.home.glob("*.jsonl"))
    assert sha256_of(bought(moved, chain, tmp_path)) == sha256_of(original)


@pytest.mark.long
@pytest.mark.browser
def test_three_files_move_between_two_instances_through_a_kill(
    stack: Stack, browser: Browser, scratch: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "Album"
    (folder / "clips").mkdir(parents=True)
    (folder / "clips" / "größe.bin").write_bytes(os.urandom(3 * MIB))
    (folder / "leer.txt").write_bytes(b"")
    film, essay = tmp_path / "film.bin", tmp_path / "essay.txt"
    film.write_bytes(os.urandom(60 * MIB + 5))
    essay.write_bytes(os.urandom(MIB))
    old = enter(stack, "maya-moves-out", tmp_path / "old")
    links = [old.sell(path) for path in (film, folder, essay)]
    pricing = {"kind": "minimum", "suggested": {"amount": "5.00", "currency": "EUR"}}
    old.api.patch(f"files/{old.file(links[2])}/", {"pricing": pricing})
    before = [old.row(link) for link in links]
    saved = tmp_path / "account.json"
    saved.write_text(json.dumps(old.api.get("account/export/", session=True)))
    assert [held.title for held in exports.read(saved, None).files] == [
        "film", "Album", "essay",
    ]  # fmt: skip

    with running(make_stack(scratch / "elsewhere")) as elsewhere:
        new = join(elsewhere, "maya-there", tmp_path / "new", words=old.words)
        stranger = enter(elsewhere, "eve-there", tmp_path / "eve")
        shell = mover(old, new)
        given = ("--export", saved, "--old", old.shell.server, "--key-file", old.key_path)
        stranger.sell(essay)
        foreign = mover(old, stranger).run("move", *given)
        assert "error: key_of_another: eve-there sells here" in foreign.stderr
        by_password = replace(new.shell, more={"KIM_OLD_TOKEN": shell.more["KIM_OLD_TOKEN"]})
        foreign = by_password.run("move", *given[:4], "--key-file", stranger.key_path)
        assert "error: vault_of_another:" in foreign.stderr
        first = shell.start("move", *given, "--slots", "1")
        journal = people.wait_for(lambda: _journal_with(old.key_path.parent, parts=3), seconds=60)
        first.send_signal(signal.SIGKILL)
        first.communicate(timeout=30)
        assert journal is not None
        stored = journal.read_text().count('"etag"')

        done = shell.run("move", *given)

        assert done.returncode == 0, done.stderr
        there = int(done.stderr.split(" parts are there already")[0].split()[-3])
        assert there >= stored >= 3
        pairs = [line.split() for line in done.stdout.splitlines()]
        assert [was for was, _ in pairs] == links
        moved = [link for _, link in pairs]
        assert all(link.startswith(f"{elsewhere.layout.public_url}/f/") for link in moved)
        for was, link in pairs:
            assert new.sealed(link) == old.sealed(was)
            assert was.partition("#")[2] == link.partition("#")[2]
        assert new.row(moved[2])["pricing"] == before[2]["pricing"]
        assert [old.row(link) for link in links] == before
        page = browser.new_page(base_url=elsewhere.layout.public_url)
        people.log_in(page, new.shell.username)  # the vault has the key: the page makes the links
        page.goto("/files/")
        shown = page.get_by_test_id("share-link")
        expect(shown).to_have_count(3, timeout=30_000)
        assert {people.shown(each) for each in shown.all()} == set(moved)
        page.screenshot(path=tmp_path / "moved.png")
        page.close()
        chain = Devchain(elsewhere.layout.devchain_port)
        opened = bought(moved[0], chain, tmp_path)
        assert sha256_of(opened) == sha256_of(film)
        (tmp_path / "pays").mkdir()
        opened = bought(moved[2], chain, tmp_path / "pays", "--pays", "6.00")
        assert sha256_of(opened) == sha256_of(essay)
        (tmp_path / "folder").mkdir()
        opened = bought(moved[1], chain, tmp_path / "folder")
        assert sha256_of(opened / "clips/größe.bin") == sha256_of(folder / "clips/größe.bin")


@pytest.mark.long
def test_a_link_that_was_made_anew_and_a_lost_journal_and_a_folder_of_sealed_files(
    stack: Stack, chain: Devchain, tmp_path: Path
) -> None:
    """The export is as after a new link; the sealed file is still under the first one."""
    original = tmp_path / "song.bin"
    original.write_bytes(os.urandom(2 * MIB))
    old = enter(stack, "maya-rotates", tmp_path / "old")
    new = enter(stack, "maya-rotated", tmp_path / "new")
    link = old.sell(original)
    (tmp_path / "sealed").mkdir()
    (tmp_path / "sealed" / "download").write_bytes(old.sealed(link))
    whole = old.api.get("account/export/", session=True)
    [row] = whole["files"]
    key = keyfiles.read(old.key_path, "creator")
    assert key is not None
    file_id = bytes.fromhex(row["link_file_id"])
    secret = container.derive_release_secret(key.root, file_id, generation=1)
    h_s = container.hash_commitment(secret).hex()
    row |= {"generation": 1, "link_generation": 1, "h_s": h_s}
    saved = tmp_path / "account.json"
    saved.write_text(json.dumps(whole))
    cheap = tmp_path / "cheap.json"
    price = {"amount": "0.00000001", "currency": "BCH"}
    cheap.write_text(json.dumps(whole | {"files": [row | {"price": price}]}))
    shell = mover(old, new)
    given = ("--export", saved, "--key-file", old.key_path)

    nowhere = shell.run("move", *given)
    stopped = shell.run("move", *given, "--from", tmp_path / "sealed", "--user", "somebody")
    broke = replace(
        shell, more={**shell.more, "KIM_TOKEN": new.token("uploads:write", "files:read")}
    )
    halfway = broke.run("move", *given, "--from", tmp_path / "sealed")
    unsold = shell.run(
        "move", "--export", cheap, "--key-file", old.key_path, "--from", tmp_path / "sealed"
    )
    for journal in old.key_path.parent.glob("*.jsonl"):
        journal.unlink()
    done = shell.run("move", *given, "--from", tmp_path / "sealed")

    assert nowhere.returncode == 1
    assert "not moved: song: source_missing:" in nowhere.stderr
    assert "error: token_of_another:" in stopped.stderr
    assert "error: scope_missing:" in halfway.stderr
    assert "MB/s" in halfway.stderr
    assert "not moved: song: price_below_floor:" in unsold.stderr
    assert "error: move_incomplete: 1 of 1 files are not on sale here." in unsold.stderr
    assert done.returncode == 0, done.stderr
    assert len(new.api.get_all("files/", "files")) == 1
    assert "MB/s" not in done.stderr  # the bytes were there
    was, moved = done.stdout.split()
    assert was.partition("#")[2] == moved.partition("#")[2] != link.partition("#")[2]
    sent, first = new.sealed(moved), old.sealed(link)
    assert (sent == first, sent[2**18 :] == first[2**18 :]) == (False, True)
    shown = new.row(moved)
    assert (shown["generation"], shown["link_generation"], shown["h_s"]) == (1, 1, h_s)
    assert sha256_of(bought(moved, chain, tmp_path)) == sha256_of(original)


def _journal_with(home: Path, *, parts: int) -> Path | None:
    found = list(home.glob("*.move-*.jsonl"))
    if not found or found[0].read_text().count('"etag"') < parts:
        return None
    return found[0]
