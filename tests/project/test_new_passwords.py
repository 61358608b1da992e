"""What a new password must be. The server never sees one, so the page's own module is asked, in node."""

from __future__ import annotations

import gzip
import json
import re
import subprocess
from pathlib import Path

import django.contrib.auth
import pytest

ROOT = Path(__file__).resolve().parents[2]
GOOD = "correct horse battery staple"
CHOSEN_IN = ("signup", "recover_account", "settings")

# Node reads no file by fetch: the one file the module asks for is given to it as it lies there.
_ASK = """
import { readFileSync } from 'node:fs';
const asked = [];
globalThis.fetch = async (url) => (asked.push(String(url)), new Response(readFileSync(url)));
const { wrongWith } = await import(%s);
const given = JSON.parse(readFileSync(0, 'utf8'));
const said = [];
for (const each of given) said.push(await wrongWith(each, ['maya-nights', 'Sealed Songs']));
console.log(JSON.stringify({ said, asked }));
"""


def told(*given: str) -> list[str]:
    """What the page says of each; "" if it takes it."""
    module = (ROOT / "static/js/pages/newpassword.js").as_uri()
    argv = ("node", "--input-type=module", "-e", _ASK % json.dumps(module))
    done = subprocess.run(
        argv, input=json.dumps(given), capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert all(each.endswith("/static/words/passwords.txt") for each in answer["asked"])
    said: list[str] = answer["said"]
    return said


def test_a_new_password_has_ten_letters_at_least() -> None:
    said = told("x7#kQw!9z", "x7#kQw!9zP", "🦊🦉🐝🐌🐛🦋🐞🐢🐍")

    assert [bool(each) for each in said] == [True, False, True]
    assert said[0] == "Longer, please: four random words are good."


def test_no_usual_password_is_taken() -> None:
    packed = Path(django.contrib.auth.__file__).parent / "common-passwords.txt.gz"
    usual = gzip.decompress(packed.read_bytes()).decode().split()
    shouted = [each.upper() for each in usual if len(each) >= 10 and each.isascii()]

    said = told(*usual, *shouted)

    taken = [each for each, wrong in zip([*usual, *shouted], said, strict=True) if not wrong]
    assert len(usual) > 19_000
    assert taken == []


@pytest.mark.parametrize(
    "password",
    ["maya-nights", "MayaNights2026!", "kim-maya-nights", "sealed songs 1", "Sealed.Songs.kim",
     "kimkimkimkim", "maya nights abc"],
)  # fmt: skip
def test_no_password_is_made_of_the_account_or_the_site(password: str) -> None:
    assert told(password) != [""]


def test_a_name_within_a_long_password_is_no_harm() -> None:
    assert told("maya-nights walk the red dog", "the kimono was folded") == ["", ""]


@pytest.mark.parametrize(
    "password",
    [GOOD, "1029 5847 6630", "пароль из пяти слов", "四つの適当な単語を並べる", "🦊🦉🐝🐌🐛🦋🐞🐢🐍🦎",
     "  spaces   around it  ", "\"'<>&;--\\/`$(){}"],
)  # fmt: skip
def test_any_letters_are_taken(password: str) -> None:
    assert told(password) == [""]


def test_long_ones_are_taken_whole() -> None:
    assert told("a b " * 16, "long enough " * 100) == ["", ""]
    for field in fields():
        assert "maxlength" not in field
        assert "pattern" not in field


def fields() -> list[str]:
    shown = "".join(each.read_text() for each in (ROOT / "templates/unlock").glob("*.html"))
    found = re.findall(r'<input[^>]*type="password"[^>]*>', shown)
    assert len(found) >= 8
    return found


def test_password_managers_and_pasting_work_in_every_field() -> None:
    for field in fields():
        assert re.search(r'autocomplete="(current|new)-password"', field), field
    for script in (ROOT / "static/js").rglob("*.js"):
        source = script.read_text()
        assert not re.search(
            r"addEventListener\(\s*'(paste|copy|cut|drop|beforeinput)'", source
        ) or ("password" not in source), script


def test_every_page_that_takes_a_new_password_asks_the_same() -> None:
    for name in CHOSEN_IN:
        source = (ROOT / f"static/js/pages/{name}.js").read_text()
        assert "await wrongWith(" in source, name
    takes = re.compile(r"freshlyDerived\(|changePassword\(")
    users = {
        script.stem for script in (ROOT / "static/js/pages").glob("*.js")
        if takes.search(script.read_text())
    }  # fmt: skip
    assert users == {*CHOSEN_IN, "passwords", "vault"}  # the first makes, the second passes on


def test_the_list_is_djangos_own_of_ten_letters_and_more() -> None:
    head, *words = (ROOT / "static/words/passwords.txt").read_text().splitlines()

    assert "Django" in head
    assert words == sorted(set(words))
    assert min(len(each) for each in words) == 10
    assert (ROOT / "static/words/passwords.txt").stat().st_size < 22_000
