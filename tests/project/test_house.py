"""Docs, migrations and commands say what the code does."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import call_command

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.django_db
def test_the_models_and_the_migrations_agree() -> None:
    call_command("makemigrations", "--check", "--dry-run", verbosity=0)


def test_every_make_target_is_named_in_contributing() -> None:
    makefile = (ROOT / "Makefile").read_text()
    contributing = (ROOT / "CONTRIBUTING.md").read_text()
    targets = set(re.findall(r"^([a-z0-9]+):.*## ", makefile, re.MULTILINE))

    missing = {name for name in targets if not re.search(rf"\b{name}\b", contributing)}

    assert len(targets) > 15
    assert missing == set()


def test_every_testid_of_the_interface_stands_in_a_page() -> None:
    documented = (ROOT / "docs/architecture.md").read_text().split("`data-testid`, stable:")[1]
    promised = set(re.findall(r"`([a-z]+(?:-[a-z]+)*)`", documented.split("\n\n")[0]))
    pages = "".join(
        path.read_text()
        for folder in ("templates", "static/js", "devchain/page")
        for path in (ROOT / folder).rglob("*.*")
        if path.suffix in (".html", ".js")
    )

    missing = {name for name in promised if name not in pages}

    assert len(promised) > 25
    assert missing - {"data-state"} == set()


def test_the_container_needs_nothing_of_django() -> None:
    code = (
        "import sys; sys.modules['django'] = None; import unlock.container;"
        " print('celery' in sys.modules, 'boto3' in sys.modules)"
    )

    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["False", "False"]


def test_the_readme_stays_short_enough_to_be_read() -> None:
    assert len((ROOT / "README.md").read_text().splitlines()) <= 80


def test_documents_link_to_files_that_exist() -> None:
    broken = {
        f"{page.relative_to(ROOT)}: {target}"
        for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"))
        for target in re.findall(r"\]\((?!https?:|#|mailto:)([^)#]+)", page.read_text())
        if not (page.parent / target).exists()
    }

    assert broken == set()
