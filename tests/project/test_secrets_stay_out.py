"""No private key on the server, no registry in a file, no fetched design page in the project."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def tracked() -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def texts(*folders: str) -> dict[str, str]:
    found = {}
    for path in tracked():
        name = str(path.relative_to(ROOT))
        if name == str(Path(__file__).relative_to(ROOT)) or (
            folders and not name.startswith(folders)
        ):
            continue
        found[name] = path.read_text(errors="replace")
    return found


def test_the_server_code_knows_no_private_key_of_a_wallet() -> None:
    wif = re.compile(r"PrivateKey\w*\(|\bfrom_wif\b|create_transaction\(|\bto_wif\b")

    found = [
        name for name, text in texts("kim/", "unlock/", "payments/").items() if wif.search(text)
    ]

    assert found == []


def test_no_file_names_a_package_registry() -> None:
    hosts = re.compile(r"pypi\.org|pythonhosted|registry\.npm|npmjs\.|deb\.debian")

    found = [name for name, text in texts().items() if hosts.search(text)]

    assert found == []


def test_the_project_is_self_contained() -> None:
    found = [
        name
        for name, text in texts().items()
        if re.search(r"\.\./shared|/work/shared|/tmp/contract", text)
    ]

    assert found == []
