"""A setting nobody can find is a setting nobody sets right."""

from __future__ import annotations

import re
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
NAME = re.compile(r'"(KIM_[A-Z0-9_]+)"')


def read_settings() -> set[str]:
    text = (ROOT / "kim/settings.py").read_text()
    return set(NAME.findall(text))


def test_every_setting_has_a_line_in_the_example_and_in_operations() -> None:
    example = (ROOT / ".env.example").read_text()
    operations = (ROOT / "docs/operations.md").read_text()

    missing = {
        name
        for name in read_settings()
        if f"\n{name}=" not in example or f"`{name}`" not in operations
    }

    assert missing == set()


def test_the_example_names_no_setting_that_does_not_exist() -> None:
    example = (ROOT / ".env.example").read_text()
    known = read_settings() | {"KIM_VAR", "KIM_PORT", "KIM_AUTOMINE"}

    named = set(re.findall(r"^(KIM_[A-Z0-9_]+)=", example, re.MULTILINE))

    assert named - known == set()


def test_every_alert_asks_for_figures_that_exist_and_is_explained() -> None:
    operations = (ROOT / "docs/operations.md").read_text()
    rules = yaml.safe_load((ROOT / "docs/alerts.yaml").read_text())["groups"][0]["rules"]
    given = set(re.findall(r'"(kim_[a-z_]+)"', (ROOT / "kim/metrics.py").read_text()))

    asked = {name for rule in rules for name in re.findall(r"kim_[a-z_]+", rule["expr"])}

    assert asked
    assert asked <= given
    assert all(f"| {rule['alert']} |" in operations for rule in rules)


def test_the_environment_is_read_in_one_place() -> None:
    allowed = {
        "kim/env.py",
        "kim/stack.py",
        "kim/celery.py",
        "kim/asgi.py",
        "kim/wsgi.py",
        "kim/embedded.py",
    }
    readers = {
        str(path.relative_to(ROOT))
        for folder in ("kim", "unlock", "payments")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(r"os\.(environ|getenv)", path.read_text())
    }

    assert readers - allowed - {"kim/management/commands/prepare_instance.py"} == set()
