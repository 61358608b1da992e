"""What is served is what lies in the repository but for comments, compressed, and kept for ever."""

from __future__ import annotations

import gzip
import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from kim import statics
from unlock import published, static_files, stripping

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = "js/pages/offer.js"


def test_every_script_served_has_the_tokens_and_lines_of_its_source(tmp_path: Path) -> None:
    argv = (sys.executable, "-m", "unlock.published", str(tmp_path))
    listed = subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, text=True).stdout

    argv = ("node", "tests/js/sametokens.mjs", "static", str(tmp_path))
    told = subprocess.run(argv, cwd=ROOT, check=False, capture_output=True, text=True)

    assert told.returncode == 0, told.stdout + told.stderr
    scripts = len(list((ROOT / "static").rglob("*.js")))
    assert told.stdout.startswith(f"{scripts} scripts, ")
    assert listed == published.sums(published.tree())
    name, digest = SCRIPT, hashlib.sha256((tmp_path / SCRIPT).read_bytes()).hexdigest()
    assert f"{digest}  {name}\n" in listed


@pytest.mark.parametrize(
    ("source", "served"),
    [
        ("a(); // told\nb();", "a();\nb();"),
        ("/** @param {x} y */\nf(/* one\n two */ 1);", "\nf(\n 1);"),
        ("return /* a\n*/ 1", "return\n 1"),
        ("a/* */b", "a b"),
        ("x = 'it//s' + \"/*\" + `/* ${y /* z */} // `;", "x = 'it//s' + \"/*\" + `/* ${y } // `;"),
        ("`a${b ? ` · ${c}  ` : {d: `}`}.d}  //`", "`a${b ? ` · ${c}  ` : {d: `}`}.d}  //`"),
        ("x = a / b / c; // d", "x = a / b / c; "),
        ("x = /[/*]'\\//g.exec(y) // z", "x = /[/*]'\\//g.exec(y) "),
        ("return /'/.test(x)", "return /'/.test(x)"),
        ("/*! MIT */ a", "/*! MIT */ a"),
    ],
)
def test_comments_go_and_nothing_that_looks_like_one(source: str, served: str) -> None:
    assert stripping.script(source) == served


@pytest.mark.parametrize("source", ["a = `b", "a = `${b}", "x = /[a"])
def test_a_text_without_an_end_is_refused(source: str) -> None:
    with pytest.raises(ValueError, match="line 1: a text or an expression has no end"):
        stripping.script(source)


def test_styles_lose_their_comments_and_keep_their_texts() -> None:
    source = "a { /* b\n */ content: '/* c */'; background: url('d//e') }"

    assert stripping.style(source) == "a {\n content: '/* c */'; background: url('d//e') }"


@pytest.mark.parametrize(
    ("takes", "encoding"),
    [
        ("gzip, deflate, br", "gzip"),
        ("br;q=1.0, gzip;q=0.5", "gzip"),
        ("gzip;q=0, br", None),
        ("identity", None),
        ("", None),
    ],
)
def test_a_script_comes_compressed_to_whoever_takes_it(
    client: Client, takes: str, encoding: str | None
) -> None:
    answer = client.get(settings.STATIC_URL + SCRIPT, headers={"Accept-Encoding": takes})

    body = gzip.decompress(answer.content) if encoding else answer.content
    assert answer.headers.get("Content-Encoding") == encoding
    assert body == published.content((ROOT / "static" / SCRIPT).read_bytes(), ".js")
    assert answer.headers["Content-Length"] == str(len(answer.content))
    assert answer.headers["Content-Type"] == "text/javascript; charset=utf-8"
    assert answer.headers["Cache-Control"] == "max-age=31536000, public, immutable"
    assert answer.headers["Vary"] == "Accept-Encoding"


def test_what_a_browser_has_is_not_sent_again_and_nothing_is_written(client: Client) -> None:
    first = client.get(settings.STATIC_URL + SCRIPT)
    again = client.get(
        settings.STATIC_URL + SCRIPT, headers={"If-None-Match": first.headers["ETag"]}
    )

    assert (again.status_code, again.content) == (304, b"")
    assert client.head(settings.STATIC_URL + SCRIPT).status_code == 200
    assert client.post(settings.STATIC_URL + SCRIPT).status_code == 405


def test_the_list_of_sums_is_that_of_the_repository_and_sources_lie_beside_it(
    client: Client,
) -> None:
    listed = client.get(settings.STATIC_URL + static_files.SUMS)
    source = client.get(f"{settings.STATIC_URL}{static_files.SOURCE}{SCRIPT}")

    assert listed.content.decode() == published.sums(published.tree())
    assert source.content == (ROOT / "static" / SCRIPT).read_bytes()


def test_the_server_answers_without_a_thread_as_the_middleware_does(client: Client) -> None:
    paths = [SCRIPT, "css/base.css", "nothing.js"]
    answers = [_bare(settings.STATIC_URL + path) for path in paths]

    assert [answer and answer.status_code for answer in answers] == [200, 200, None]
    for path, answer in zip(paths[:2], answers[:2], strict=True):
        threaded = client.get(settings.STATIC_URL + path, headers={"Accept-Encoding": "gzip"})
        assert answer is not None
        assert answer.content == threaded.content
        assert dict(answer.items()) == dict(threaded.items())
    assert _bare("/api/v1/session/") is None
    assert _bare(settings.STATIC_URL + SCRIPT, method="POST") is None
    assert _bare(settings.STATIC_URL + SCRIPT, host=b"localhost:1").status_code == 301


def _bare(path: str, *, method: str = "GET", host: bytes = b"testserver") -> Any:
    headers = [(b"host", host), (b"accept-encoding", b"gzip")]
    scope = {"type": "http", "method": method, "path": path, "query_string": b""}
    return statics.at_once({**scope, "headers": headers})


@pytest.mark.django_db
def test_the_service_worker_is_asked_for_each_time_and_small_too(client: Client) -> None:
    answer = client.get("/x/sw.js", headers={"Accept-Encoding": "gzip"})

    assert answer.headers["Cache-Control"] == "no-cache"
    assert answer.headers["Content-Encoding"] == "gzip"
    assert b"addEventListener" in gzip.decompress(answer.content)


@pytest.mark.django_db
def test_the_pages_of_buyers_come_compressed(client: Client) -> None:
    nobody = "00000000-0000-0000-0000-000000000000"

    answer = client.get(f"/p/{nobody}", headers={"Accept-Encoding": "gzip"})

    assert answer.headers["Content-Encoding"] == "gzip"
    assert b"js/pages/purchase.js" in gzip.decompress(answer.content)
    assert len(answer.content) < 11_000  # 4 of them are hashes (docs/adr/0017)
