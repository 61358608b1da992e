"""What is sent instead of a password, where it may be sent, and what is never paid twice."""

from __future__ import annotations

import ast
import os
import sys
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

import kimcli
from kimcli import passwords
from kimcli.errors import CommandFailed, FilesWrong, Refused
from kimcli.orders import Order, Orders, name_of, of_return_link
from kimcli.wire import origin_of
from unlock.container import encode_b64url, parse_link

SALT = bytes(range(16))
TOLD = {"salt": encode_b64url(SALT), "memory_kib": 64 * 1024, "passes": 3}


def test_the_proof_is_argon2ids_output_over_the_normal_form() -> None:
    expected = Argon2id(salt=SALT, length=32, iterations=3, lanes=1, memory_cost=65_536)

    worked = passwords.work("Pa\ufb01", TOLD)

    assert worked.proof == expected.derive(b"Pafi")
    assert worked.vault_key is None


def test_with_a_vault_proof_and_key_follow_from_an_output_that_is_never_sent() -> None:
    worked = passwords.work("secret", {**TOLD, "scheme": 2})

    assert worked.vault_key is not None
    assert len({worked.proof, worked.vault_key, passwords.work("secret", TOLD).proof}) == 3
    root, iv = os.urandom(32), os.urandom(12)
    sealed = iv + AESGCM(worked.vault_key).encrypt(iv, root, b"KIM1 vaultmaya")
    assert passwords.open_vault(worked.vault_key, " Maya ", sealed) == root
    assert passwords.open_vault(worked.vault_key, "eve", sealed) is None


@pytest.mark.parametrize(
    "change",
    [
        {"memory_kib": 65_535}, {"passes": 2}, {"salt": encode_b64url(bytes(15))},
        {"memory_kib": 2**21}, {"passes": 17}, {"scheme": 3},
    ],
)  # fmt: skip
def test_a_server_that_asks_for_too_little_or_too_much_gets_nothing(
    change: dict[str, object],
) -> None:
    with pytest.raises(CommandFailed) as caught:
        passwords.work("secret", {**TOLD, **change})

    assert caught.value.code == "kdf_refused"


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://kim.example/f/x?a=1#1.s", "https://kim.example"),
        ("kim.example", "https://kim.example"),
        ("http://127.0.0.1:8000/", "http://127.0.0.1:8000"),
        ("http://abcdef.onion", "http://abcdef.onion"),
    ],
)
def test_only_protected_addresses_are_spoken_to(given: str, origin: str) -> None:
    assert origin_of(given) == origin


@pytest.mark.parametrize(
    "given",
    ["http://kim.example", "ftp://kim.example", "https://", "file:///x", "https://a:b@kim.example"],
)
def test_an_open_line_is_refused(given: str) -> None:
    with pytest.raises(Refused) as caught:
        origin_of(given)

    assert caught.value.code == "server_unsafe"


def test_an_order_is_found_again_with_its_return_link(tmp_path: Path) -> None:
    link, seed = os.urandom(16), os.urandom(32)
    purchase = "00000000-0000-4000-8000-000000000001"
    order = of_return_link(purchase, link, seed)
    name = name_of("https://kim.example", "f")
    Orders(tmp_path / "buyer.json").keep(name, order, number=6)
    Orders(tmp_path / "buyer.json").mark_paying(name, order)

    found = Orders(tmp_path / "buyer.json")

    assert found.next_number == 7
    kept = found.find(name)
    assert kept is not None
    assert (kept.is_paying, kept.raw_seed) == (True, seed)
    again = parse_link(kept.return_link("https://kim.example"))
    assert (again.id, again.link_secret, again.seed) == (purchase, link, seed)
    assert found.find(name_of("https://other.example", "f")) is None
    assert (tmp_path / "buyer.orders.json").stat().st_mode & 0o777 == 0o600
    assert order.seed not in repr(order)


def test_a_second_order_of_the_same_file_leaves_the_first_on_file(tmp_path: Path) -> None:
    name = name_of("https://kim.example", "f")
    first, second = (of_return_link(p, bytes(16), os.urandom(32)) for p in ("p1", "p2"))
    book = Orders(tmp_path / "buyer.json")
    book.keep(name, first, number=0)
    book.keep(name, second, number=1)
    book.mark_paying(name, second)

    found = Orders(tmp_path / "buyer.json")

    latest = found.find(name)
    assert latest is not None
    assert (latest.purchase, latest.is_paying) == ("p2", True)
    assert found.find(f"{name} p1") == first


def test_orders_that_cannot_be_read_stop_before_anything_is_ordered(tmp_path: Path) -> None:
    (tmp_path / "buyer.orders.json").write_text('{"kim":"orders","v":1,"next":0,"orders":{"a":{}}}')

    with pytest.raises(FilesWrong):
        Orders(tmp_path / "buyer.json")


def test_a_bare_return_link_promises_nothing_of_its_own() -> None:
    order = of_return_link("p", bytes(16), bytes(32))

    assert order == Order("p", encode_b64url(bytes(16)), encode_b64url(bytes(32)))
    assert len(order.claim) == 32


def test_the_command_imports_what_its_docstring_says_and_nothing_else() -> None:
    allowed = {"cryptography", "urllib3", "kimcli", "unlock.container", "unlock.errors"}
    foreign: set[str] = set()
    for path in Path(kimcli.__path__[0]).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [str(node.module)] if isinstance(node, ast.ImportFrom) else []
            for name in names:
                top = name.partition(".")[0]
                two = ".".join(name.split(".")[:2])
                if name == "unlock" or top in sys.stdlib_module_names:
                    continue
                if top not in allowed and two not in allowed:
                    foreign.add(name)

    assert foreign == set()
