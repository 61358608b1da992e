"""Around the sale: a page for adults in a shop with one link, and buy buttons on a foreign site."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from playwright.sync_api import Browser, Page, Request, expect

from kim.stack import Stack
from tests.e2e.people import by, copied, path_of, shown, sign_up, wait_for
from tests.e2e.widths import SHAPES, at_both, fit

CLOSED = "This link is incomplete or was replaced, so the shop stays closed."


@pytest.fixture(scope="module")
def maya(browser: Browser, stack: Stack) -> Iterator[Page]:
    context = browser.new_context(base_url=stack.layout.public_url)
    page = context.new_page()
    page.set_default_timeout(30_000)
    sign_up(page, "maya-storefront")
    yield page
    context.close()


@pytest.fixture(scope="module")
def link(maya: Page, tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a folder of two files, described."""
    folder = tmp_path_factory.mktemp("nights")
    for name in ("one.txt", "two.txt"):
        (folder / name).write_text(f"{name}\n" * 100)
    by(maya, "drop-input").set_input_files([folder / "one.txt", folder / "two.txt"])
    by(maya, "bundle-send").click()
    maya.locator("#title").fill("Ninety nights")
    maya.locator("#more summary").click()
    maya.locator("#description").fill("# Nights\n\n**Ninety** of them <img src=x>")
    preview = maya.locator("#preview [data-slot=description]")
    expect(preview.locator("h2")).to_have_text("Nights")
    expect(preview.locator("img")).to_have_count(0)
    by(maya, "shows-contents").check()
    by(maya, "price-amount").fill("2.00")
    by(maya, "publish").click()
    expect(by(maya, "share-link")).to_be_visible(timeout=120_000)
    return shown(by(maya, "share-link"))


@at_both()
def test_one_link_opens_the_shop_and_what_is_for_adults_waits_for_a_word(
    maya: Page, link: str, person: Callable[..., Page], width: str
) -> None:
    fit(maya, width)
    maya.goto("/files/")
    maya.locator("[data-action=edit]").click()
    by(maya, "edit-is-adult").check()
    by(maya, "edit-is-listed").check()
    maya.locator("dialog button[type=submit]").click()
    expect(by(maya, "shop-link")).to_have_value(re.compile(r"/@maya-storefront#1\."))
    shop = shown(by(maya, "shop-link"))

    noor = person()
    sent: list[str] = []
    noor.on("request", lambda request: sent.append(_whole(request)))
    noor.goto(shop)
    tile = by(noor, "shop-tile")
    expect(tile).to_contain_text("Ninety nights")
    assert tile.get_attribute("href") == link
    tile.focus()
    noor.keyboard.press("Enter")
    expect(by(noor, "adult-gate")).to_be_visible()
    expect(by(noor, "description")).to_have_count(0)
    expect(by(noor, "of-age")).to_be_enabled()
    by(noor, "of-age").focus()
    noor.keyboard.press("Enter")
    expect(by(noor, "buy")).to_be_visible(timeout=30_000)
    expect(by(noor, "adult-gate")).to_have_count(0)
    expect(by(noor, "description").locator("strong")).to_have_text("Ninety")
    expect(by(noor, "description").locator("img")).to_have_count(0)
    contents = by(noor, "contents")
    expect(contents.locator("summary")).to_have_text("What is in it: 2 files")
    contents.locator("summary").click()
    expect(contents.locator("li bdi")).to_have_text(["one.txt", "two.txt"])
    noor.context.grant_permissions(["clipboard-write"])
    by(noor, "share").click()
    wait_for(lambda: copied(noor) == link)
    noor.reload()  # remembered
    expect(by(noor, "buy")).to_be_visible(timeout=30_000)

    assert sum("/api/v1/shops/maya-storefront/" in each for each in sent) == 1
    for secret in (shop[-22:], link[-22:]):
        assert not any(secret in each for each in sent)

    eve = person()
    for wrong in (shop.partition("#")[0], shop[:-3], shop[:-22] + "A" * 22):
        eve.goto("about:blank")
        eve.goto(wrong)
        expect(eve.locator("#problem")).to_contain_text(CLOSED)
        expect(by(eve, "shop-tile")).to_have_count(0)
        assert "Ninety nights" not in eve.content()


def _whole(request: Request) -> str:
    return f"{request.url} {request.headers} {request.post_data}"


class Foreign(BaseHTTPRequestHandler):
    """A site of its own. The path says which policy its page has."""

    link = ""
    home = ""

    def do_GET(self) -> None:
        policy = f"default-src 'none'; script-src {self.home}; require-trusted-types-for 'script'"
        if self.path == "/priced":
            policy += f"; connect-src {self.home}"
        if self.path == "/hostile":
            policy = f"frame-src *; script-src 'unsafe-inline' {self.home}"
        body = self._hostile() if self.path == "/hostile" else self._page()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Security-Policy", policy)
        self.send_header("Cross-Origin-Embedder-Policy", "require-corp")
        self.end_headers()
        self.wfile.write(body.encode())

    def _page(self) -> str:
        script = f'<script src="{self.home}/embed/1/button.js" crossorigin async></script>'
        return f"""<!doctype html><html lang="en"><title>Maya's own site</title>
<p><a class="kim-buy" href="{self.link}">Buy it</a>
<p><a class="kim-buy" href="{self.link}" data-label="&lt;b&gt;Again" data-price="no">x</a>
<p><a class="kim-buy" id="other" href="https://eve.example/f/{path_of(self.link)[3:]}">Elsewhere</a>
{script}{script}"""

    def _hostile(self) -> str:
        return f"""<!doctype html><html lang="en"><title>Eve's site</title>
<iframe src="{self.link}"></iframe>
<button>Press</button>
<script>
  let opened;
  document.querySelector('button').onclick = () => {{
    opened = window.open('{self.link}');
    let sent = 0;
    const timer = setInterval(() => {{
      for (const state of ['shown', 'failed', 'price', 'unlock']) {{
        try {{ opened.postMessage({{ kim: 'player', state, width: 9, height: 9 }}, '*'); }} catch {{}}
      }}
      if ((sent += 1) > 40) {{ clearInterval(timer); document.title = 'sent'; }}
    }}, 50);
  }};
</script>"""

    def log_message(self, *_args: object) -> None:
        """A quiet site."""


@pytest.fixture
def foreign(link: str, stack: Stack) -> Iterator[str]:
    Foreign.link, Foreign.home = link, stack.layout.public_url
    server = ThreadingHTTPServer(("127.0.0.1", 0), Foreign)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()


@at_both()
def test_buttons_work_on_a_foreign_page_under_a_strict_policy_and_hostile_ones_change_nothing(
    browser: Browser, foreign: str, link: str, width: str
) -> None:
    context = browser.new_context(locale="en-GB", **SHAPES[width])
    page = context.new_page()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))

    page.goto(f"{foreign}/priced")
    buttons = page.locator("p > span a")
    expect(buttons).to_have_text([re.compile(r"Buy it €2\.00"), "<b>Again"])
    expect(page.locator("#other")).to_have_text("Elsewhere")  # not ours, left as it is
    secret = link.partition("#")[2]
    assert not any(secret in url for url in asked)
    with context.expect_page() as opening:
        buttons.first.click()
    opened = opening.value
    assert opened.url == link
    assert opened.evaluate("window.opener") is None
    expect(opened.locator("h1:visible")).to_have_text("Ninety nights", timeout=30_000)
    assert context.cookies() == []

    page.goto(f"{foreign}/bare")  # no connect-src: a button, and no price
    expect(buttons).to_have_text(["Buy it", "<b>Again"])

    page.goto(f"{foreign}/hostile")
    with context.expect_page() as opening:
        page.locator("button").click()
    attacked = opening.value
    expect(page).to_have_title("sent", timeout=15_000)
    expect(attacked.locator("h1:visible")).to_have_text("Ninety nights")
    assert attacked.evaluate("window.opener") is None
    assert not any("Ninety nights" in frame.content() for frame in page.frames)
    context.close()
