"""A person without a mouse: Tab, Enter, Space, Escape and the arrows, and an eye on the focus."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from playwright.sync_api import Locator, Page, expect

TABS_MOST = 120

#: What has the focus now: its name, whether it is ``wanted``, and what is wrong with it as a place to be.
LOOK = """wanted => {
  const held = document.activeElement;
  if (!held || held === document.body) return { name: '', isWanted: false, wrong: [] };
  const wrong = [];
  const lined = (e) => {
    const style = getComputedStyle(e);
    return style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) >= 2;
  };
  let around = held;
  while (around && !lined(around)) around = around.parentElement;
  if (!around) wrong.push('nothing shows that it has the focus');
  const box = (around ?? held).getBoundingClientRect();
  const isSeen = box.width > 0 && box.height > 0 && box.bottom > 0 && box.top < innerHeight;
  if (!isSeen) wrong.push('it is out of sight');
  if (held.tabIndex > 0) wrong.push('it jumps the queue');
  const words = held.getAttribute('aria-label') || held.textContent || held.name || '';
  const name = `${held.localName}#${held.id} ${words.trim().slice(0, 40)}`;
  return { name, isWanted: held === wanted, wrong };
}"""


@dataclass
class Keys:
    """One person's hands on ``page``. ``wrong``: what the focus met on its ways, by where it was."""

    page: Page
    wrong: dict[str, list[str]] = field(default_factory=dict)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def type(self, text: str) -> None:
        self.page.keyboard.type(text)

    def look(self, wanted: Locator | None = None, *, is_noted: bool = True) -> dict[str, Any]:
        element = wanted.element_handle() if wanted else None
        seen: dict[str, Any] = self.page.evaluate(LOOK, element)
        if is_noted and seen["wrong"]:
            self.wrong[seen["name"]] = seen["wrong"]
        return seen

    def go(self, target: Locator, *, back: bool = False) -> None:
        """Tab by Tab to ``target``; fails where that leads nowhere."""
        met = [self.look(target, is_noted=False)]  # a page may have moved under it meanwhile
        while not met[-1]["isWanted"]:
            assert len(met) <= TABS_MOST, [each["name"] for each in met]
            self.press("Shift+Tab" if back else "Tab")
            met.append(self.look(target))

    def use(self, target: Locator, key: str = "Enter", *, back: bool = False) -> None:
        expect(target).to_be_enabled(timeout=60_000)
        self.go(target, back=back)
        self.press(key)

    def fill(self, target: Locator, text: str) -> None:
        self.go(target)
        self.press("Control+a")
        self.type(text)

    def open_and_leave(self, button: Locator) -> None:
        """A dialog takes the focus, keeps it, and gives it back to what opened it."""
        dialog = self.page.locator("dialog[open]")
        self.use(button)
        expect(dialog).to_be_visible(timeout=30_000)
        for _ in range(4):
            self.press("Tab")
            self.look()
            inside = "document.activeElement === document.body ||"
            inside += " document.activeElement.closest('dialog') !== null"
            assert self.page.evaluate(inside)
        self.press("Escape")
        expect(dialog).to_have_count(0)
        expect(button).to_be_focused()
