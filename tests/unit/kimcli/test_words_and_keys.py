"""Roots as words and as files: the same ones that the pages write and read."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from kimcli import keyfiles
from kimcli.errors import FilesWrong
from kimcli.words import from_words, to_words
from unlock.container import encode_b64url

ROOT = Path(__file__).parents[3]
VENDORED = next((ROOT / "static/vendor").glob("scure-bip39@*")) / "wordlists/english.js"
ABANDON = ["abandon"] * 23


def test_the_list_is_the_one_that_the_pages_use() -> None:
    theirs = set(re.findall(r"\b[a-z]{3,8}\b", VENDORED.read_text()))
    ours = (ROOT / "kimcli/english.txt").read_text().split()

    assert len(ours) == 2048
    assert ours == sorted(ours)
    assert set(ours) <= theirs


@pytest.mark.parametrize(  # BIP-39's own vectors of 256 bits
    ("root", "words"),
    [
        (bytes(32), " ".join([*ABANDON, "art"])),
        (b"\xff" * 32, " ".join([*["zoo"] * 23, "vote"])),
        (b"\x7f" * 32, " ".join([*["legal", "winner", "thank", "year", "wave", "sausage", "worth",
          "useful"] * 2, *["legal", "winner", "thank", "year", "wave", "sausage", "worth"], "title"])),
    ],
)  # fmt: skip
def test_words_are_those_of_the_standard(root: bytes, words: str) -> None:
    assert to_words(root) == words
    assert from_words(words.upper().replace(" ", ", \n 1. ")) == root


def test_any_root_comes_back_from_its_words() -> None:
    root = os.urandom(32)

    assert from_words(to_words(root)) == root


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (" ".join([*ABANDON, "abandon"]), "do not fit together"),
        (" ".join(ABANDON), "23 words, not 24"),
        (" ".join([*ABANDON, "kimkim"]), "Word 24 is not in the list"),
        ("", "0 words, not 24"),
    ],
)
def test_mistyped_words_are_refused_with_what_is_wrong(text: str, said: str) -> None:
    with pytest.raises(FilesWrong, match=said):
        from_words(text)


def test_a_key_file_is_made_for_its_owner_alone_and_read_again(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "key.json"

    made = keyfiles.make(path, "creator")

    assert path.stat().st_mode & 0o777 == 0o600
    assert keyfiles.read(path, "creator") == made
    members = json.loads(path.read_text())
    assert members == {
        "kim": "root", "v": 1, "role": "creator", "root": encode_b64url(made.root),
        "words": made.words, "payouts": [],
    }  # fmt: skip
    assert encode_b64url(made.root) not in repr(made)


def test_a_key_file_is_never_overwritten(tmp_path: Path) -> None:
    made = keyfiles.make(tmp_path / "key.json", "buyer")

    with pytest.raises(FileExistsError):
        keyfiles.make(tmp_path / "key.json", "buyer")
    assert keyfiles.read(tmp_path / "key.json", "buyer") == made


def test_a_missing_key_file_is_none_and_a_foreign_role_is_refused(tmp_path: Path) -> None:
    keyfiles.make(tmp_path / "key.json", "buyer")

    assert keyfiles.read(tmp_path / "none.json", "creator") is None
    with pytest.raises(FilesWrong, match="of a buyer"):
        keyfiles.read(tmp_path / "key.json", "creator")


@pytest.mark.parametrize(
    "change",
    [{"kim": "licence"}, {"v": 2}, {"root": "AA"}, {"words": "abandon"}, {"root": None}],
)
def test_an_altered_key_file_is_refused_without_its_secret(
    tmp_path: Path, change: dict[str, object]
) -> None:
    path = tmp_path / "key.json"
    made = keyfiles.make(path, "creator")
    path.write_text(json.dumps(json.loads(path.read_text()) | change))

    with pytest.raises(FilesWrong) as caught:
        keyfiles.read(path, "creator")

    assert made.words.split()[0] not in str(caught.value).replace(str(path), "")
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__
