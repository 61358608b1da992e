"""``kim`` from a shell, against the whole product: sold, bought, cut and gone on with."""

from __future__ import annotations

import ast
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Page, expect

from kim.stack import Stack
from kimcli import accounts, journals, keyfiles, offers
from kimcli.means import Means
from kimcli.wire import Api
from tests.e2e import people
from tests.e2e.people import Devchain
from tests.e2e.shells import ROOT, Shell, sha256_of, sign_up
from unlock import container
from unlock.container import encode_b64url

pytestmark = [pytest.mark.stack]

MIB = 2**20


def pay_command(chain: Devchain, folder: Path) -> str:
    """A wallet as kim sees one: a command that is given a URI."""
    script = folder / "pay.py"
    script.write_text(
        "import sys\n"
        f"sys.path.insert(0, {str(ROOT)!r})\n"
        "from tests.e2e.people import Devchain\n"
        f"chain = Devchain({chain.port})\n"
        "chain.pay(sys.argv[-1])\n"
        "chain.mine()\n"
    )
    return f"{sys.executable} {script}"


@pytest.fixture
def maya(stack: Stack, tmp_path: Path) -> Callable[[str], Shell]:
    def new(name: str) -> Shell:
        sign_up(stack.layout.public_url, name)
        return Shell(tmp_path / f"home-{name}", stack.layout.public_url, name)

    return new


def sell(shell: Shell, path: Path, *more: object) -> str:
    done = shell.run("sell", path, "--price", "2.00", "--currency", "EUR", *more)
    assert done.returncode == 0, done.stderr
    (link,) = done.stdout.splitlines()
    return link


def test_a_file_sold_in_one_shell_is_bought_in_another(
    maya: Callable[[str], Shell], stack: Stack, chain: Devchain, tmp_path: Path
) -> None:
    original = tmp_path / "lied_nr_1.bin"
    original.write_bytes(os.urandom(3 * MIB + 77))
    seller = maya("maya-shell")
    link = sell(seller, original, "--title", "Lied")
    noor = Shell(tmp_path / "noor")
    (tmp_path / "got").mkdir()
    wallet = pay_command(chain, tmp_path)

    bought = noor.run("buy", link, "--out", tmp_path / "got", "--pay-with", wallet)

    assert bought.returncode == 0, bought.stderr
    got = tmp_path / "got" / "lied_nr_1.bin"
    assert bought.stdout.splitlines() == [str(got)]
    assert sha256_of(got) == sha256_of(original)
    assert {path.name for path in got.parent.iterdir()} == {got.name, f"{got.name}.licence.json"}
    assert link.startswith(f"{stack.layout.public_url}/f/")
    for kept in (*seller.home.iterdir(), *noor.home.iterdir()):
        assert kept.stat().st_mode & 0o077 == 0, kept
    assert not [path for path in seller.home.iterdir() if path.suffix == ".jsonl"]

    again = noor.run("buy", link, "--out", tmp_path / "again.bin", "--pay-with", "/bin/false")

    assert again.returncode == 0, again.stderr
    assert sha256_of(tmp_path / "again.bin") == sha256_of(original)


def test_a_folder_goes_the_same_way_and_a_return_link_goes_on(
    maya: Callable[[str], Shell], chain: Devchain, tmp_path: Path
) -> None:
    folder = tmp_path / "Album"
    (folder / "clips").mkdir(parents=True)
    (folder / "clips" / "größe.bin").write_bytes(os.urandom(300_000))
    (folder / "leer.txt").write_bytes(b"")
    (folder / ".DS_Store").write_bytes(b"litter")
    link = sell(maya("maya-folder"), folder)
    noor = Shell(tmp_path / "noor")

    unpaid = noor.run("buy", link, "--out", tmp_path / "Album 2", "--wait-seconds", "0")

    assert unpaid.returncode == 5, unpaid.stderr
    uri = unpaid.stdout.strip()
    assert uri.startswith("bchreg:")
    assert not (tmp_path / "Album 2").exists()
    (said,) = [line for line in unpaid.stderr.splitlines() if "Go on any time" in line]
    return_link = said.split()[-1]

    chain.pay(uri)
    chain.mine()
    done = Shell(tmp_path / "elsewhere").run("buy", return_link, "--out", tmp_path / "Album 2")

    assert done.returncode == 0, done.stderr
    names = {
        p.relative_to(tmp_path / "Album 2").as_posix() for p in (tmp_path / "Album 2").rglob("*")
    }
    assert names == {"clips", "clips/größe.bin", "leer.txt"}
    assert sha256_of(tmp_path / "Album 2/clips/größe.bin") == sha256_of(folder / "clips/größe.bin")


def test_an_upload_that_was_killed_goes_on_and_sends_nothing_twice(
    maya: Callable[[str], Shell], stack: Stack, tmp_path: Path
) -> None:
    film = tmp_path / "film.bin"
    film.write_bytes(os.urandom(50 * MIB + 5))
    shell = maya("maya-cut")
    first = shell.start("upload", film, "--slots", "1")
    journal = people.wait_for(lambda: _journal_with(shell.home, parts=2), seconds=60)
    assert journal is not None
    first.send_signal(signal.SIGKILL)
    first.communicate(timeout=30)
    kept = journals.load(journal)
    assert kept is not None
    lines_before = [json.loads(line) for line in journal.read_text().splitlines()]
    stored = {
        line["part"]: kept.tries[line["part"]][-1].rows for line in lines_before if "etag" in line
    }

    done = shell.run("upload", film)

    assert done.returncode == 0, done.stderr
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    sealed = [line["part"] for line in lines if "rows" in line]
    twice = {number for number in sealed if sealed.count(number) > 1}
    found = re.search(r"(\d) of 7 parts are there already", done.stderr)
    assert found is not None, done.stderr
    assert 2 <= len(stored) <= int(found[1]) < 7
    assert lines[: len(lines_before)] == lines_before
    assert len(twice) <= 1
    assert not twice & set(stored)

    link = sell(shell, film)

    proven = _index_of(stack, link)
    for number, rows in stored.items():  # the bytes of the first run, by their hashes
        at = 64 * max(0, 32 * (number - 1) - 1)
        assert proven.rows[at : at + len(rows)] == rows


def test_an_account_with_a_second_step_is_asked_for_a_code(stack: Stack, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"eins")
    spare = sign_up(stack.layout.public_url, "maya-second-step", has_second_step=True)
    shell = Shell(tmp_path / "home", stack.layout.public_url, "maya-second-step")

    without = shell.run("upload", tmp_path / "a.txt")
    coded = replace(shell, more={"KIM_SECOND_STEP": spare})
    with_code = coded.run("upload", tmp_path / "a.txt")
    with_the_same = coded.run("upload", tmp_path / "a.txt")

    assert (without.returncode, without.stdout) == (1, "")
    assert "error: second_step_required:" in without.stderr
    assert with_code.returncode == 0, with_code.stderr
    assert with_the_same.returncode == 1
    assert "error: second_step_wrong:" in with_the_same.stderr


def _journal_with(home: Path, *, parts: int) -> Path | None:
    found = list(home.glob("*.jsonl"))
    if not found or found[0].read_text().count('"etag"') < parts:
        return None
    return found[0]


def _index_of(stack: Stack, link: str) -> container.Index:
    """The index as it lies in the store, by a buyer's call."""
    api = Api(stack.layout.public_url, lambda _seconds: None)
    parsed = container.parse_link(link)
    means = Means(clock=lambda: 0.0, wait=lambda _seconds: None)
    return offers.prove(api, api.get(f"files/{parsed.id}/"), parsed.link_secret, means).index


@pytest.mark.browser
def test_a_file_sold_from_a_shell_is_bought_in_the_browser(
    maya: Callable[[str], Shell], person: Callable[..., Page], chain: Devchain, tmp_path: Path
) -> None:
    original = tmp_path / "essay.txt"
    original.write_bytes(os.urandom(MIB + 9))
    link = sell(maya("maya-to-browser"), original, "--title", "An essay")
    noor = person()

    chain.pay(people.buy(noor, link))
    chain.mine()
    people.wait_state(noor, "PAID")
    got = people.save(noor, tmp_path / "got.txt")

    assert sha256_of(got) == sha256_of(original)


@pytest.mark.browser
def test_an_order_of_a_shop_shows_its_reference_and_the_way_back(
    maya: Callable[[str], Shell], person: Callable[..., Page], stack: Stack, tmp_path: Path
) -> None:
    (tmp_path / "a.txt").write_bytes(b"eins")
    link = container.parse_link(sell(maya("maya-of-a-shop"), tmp_path / "a.txt"))
    seed = os.urandom(32)
    keys, claim = container.buyer_key_pair(seed), container.derive_claim(seed)
    back = "https://shop.example/thanks?order=4711"
    body = {"buyer_key": container.encode_b64url(keys.public_key), "reference": "4711"}
    made = Api(stack.layout.public_url, lambda _seconds: None).post(
        f"files/{link.id}/purchases/", {**body, "return_url": back}, claim=claim
    )
    secrets = ".".join(map(container.encode_b64url, (link.link_secret, seed)))
    noor = person()

    noor.goto(f"/p/{made['id']}#1.{secrets}")

    shop = noor.locator("[data-slot=shop]")
    expect(shop).to_contain_text("Order 4711")
    way = noor.get_by_role("link", name="Back to shop.example", exact=True)
    expect(way).to_have_attribute("href", back)
    expect(people.by(noor, "invoice-uri")).to_be_visible()


def test_a_script_of_thirty_lines_that_knows_only_the_documentation_buys_and_opens(
    maya: Callable[[str], Shell], chain: Devchain, tmp_path: Path
) -> None:
    original = tmp_path / "notes.bin"
    original.write_bytes(os.urandom(MIB + 11))
    link = sell(maya("maya-thirty"), original)
    script = ROOT / "tests/e2e/buyer_in_thirty_lines.py"
    tree = ast.parse(script.read_text())
    imports = [node for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom)]
    work = [node for node in tree.body[1:] if node not in imports]
    lines = sum((node.end_lineno or 0) - node.lineno + 1 for node in work)
    got, wallet = tmp_path / "got.bin", pay_command(chain, tmp_path)
    words: list[str | Path] = [sys.executable, script, link, got, wallet]

    done = subprocess.run(words, check=False, capture_output=True, text=True, timeout=90)

    assert done.returncode == 0, done.stderr
    assert sha256_of(got) == sha256_of(original)
    assert lines <= 30
    used = {alias.name for node in imports if isinstance(node, ast.Import) for alias in node.names}
    used |= {str(node.module) for node in imports if isinstance(node, ast.ImportFrom)}
    outside = {name.partition(".")[0] for name in used} - sys.stdlib_module_names
    assert outside == {"cryptography"}


def test_a_token_sells_without_a_password(
    maya: Callable[[str], Shell], stack: Stack, tmp_path: Path
) -> None:
    """It opens no vault, so the key file must be here; what it may not do is told by its name."""
    original = tmp_path / "nine.bin"
    original.write_bytes(os.urandom(MIB))
    shell = maya("maya-token")
    api = Api(stack.layout.public_url, lambda _seconds: None)
    worked = accounts.log_in(api, shell.username, people.PASSWORD)
    wish = {"name": "shell", "days": 1, "derived": encode_b64url(worked.proof)}

    def token_for(*scopes: str) -> Shell:
        made = api.post("tokens/", {**wish, "scopes": scopes}, session=True)["token"]
        return replace(shell, more={"KIM_TOKEN": made, "KIM_PASSWORD": ""})

    able, idle = token_for("uploads:write", "files:write"), token_for("sales:read")
    refused = able.run("sell", original, "--price", "2.00")
    assert (refused.returncode, "error: key_missing" in refused.stderr) == (1, True)
    host = urlsplit(stack.layout.public_url).netloc.replace(":", "-")
    keyfiles.make(shell.home / f"creator-{host}-{shell.username}.json", "creator")

    refused = idle.run("sell", original, "--price", "2.00")
    assert (refused.returncode, "error: scope_missing" in refused.stderr) == (1, True)
    link = sell(able, original)

    file_id = urlsplit(link).path.rpartition("/")[2]
    assert Api(stack.layout.public_url, lambda _s: None).get(f"files/{file_id}/")["state"] == (
        "published"
    )
