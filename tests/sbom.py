"""``make sbom``: what the product is made of, as CycloneDX 1.6, from the lock files alone.

Four lists: what runs (requirements.txt), what browsers get (static/vendor), and what only builds and tests
(requirements/dev.txt, package-lock.json; scope ``excluded``). No network is asked; licences are read
where a package is installed. ``make audit`` asks for known holes where a network has an answer.
"""

from __future__ import annotations

import base64
import importlib.metadata
import json
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

ROOT = Path(__file__).resolve().parents[1]
_PIN = re.compile(r"(?m)^([A-Za-z0-9_.-]+)(?:\[[a-z,]+\])?==([^\s;\\]+)((?:[^\n]*\\\n)*[^\n]*)")
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
# Words that packages use, by the licence's own name (SPDX).
_LICENCES = (
    (r"\bLGPL-3", "LGPL-3.0-only"),
    (r"^GPL-3", "GPL-3.0-or-later"),
    (r"MPL|Mozilla", "MPL-2.0"),
    (r"BSD.?3|3.clause", "BSD-3-Clause"),
    (r"BSD.?2", "BSD-2-Clause"),
    (r"^MIT-CMU", "MIT-CMU"),
    (r"^MIT-0", "MIT-0"),
    (r"\bMIT\b", "MIT"),
    (r"Apache", "Apache-2.0"),
    (r"PSF", "PSF-2.0"),
    (r"BSD", "BSD-3-Clause"),
    (r"ISC", "ISC"),
    (r"Dual License", "Apache-2.0"),  # python-dateutil: Apache-2.0 or BSD-3-Clause
)


@dataclass(frozen=True, slots=True)
class Part:
    """One package as it is locked. ``licence`` is empty where it is not installed here."""

    kind: str  # pypi, npm
    name: str
    version: str
    hashes: tuple[tuple[str, str], ...]  # (algorithm, hex)
    licence: str
    is_shipped: bool

    @property
    def purl(self) -> str:
        return f"pkg:{self.kind}/{quote(self.name, safe='/')}@{self.version}"


def parts() -> list[Part]:
    """Each once, as what it is first: what ships before what builds."""
    found = (
        *_python("requirements.txt", is_shipped=True),
        *_vendored(),
        *_python("requirements/dev.txt", is_shipped=False),
        *_node(),
    )
    return list({each.purl: each for each in reversed(found)}.values())


def document() -> dict[str, Any]:
    """The CycloneDX document; the same lock files give the same bytes."""
    version = re.search(r'(?m)^version = "([^"]+)"', (ROOT / "pyproject.toml").read_text())
    return {
        "bomFormat": "CycloneDX",
        "specVersion": "1.6",
        "version": 1,
        "metadata": {
            "component": {
                "type": "application",
                "name": "kim",
                "version": version[1] if version else "",
                "bom-ref": "kim",
            }
        },
        "components": [_component(each) for each in sorted(parts(), key=lambda part: part.purl)],
    }


def _component(part: Part) -> dict[str, Any]:
    return {
        "type": "library",
        "bom-ref": part.purl,
        "name": part.name,
        "version": part.version,
        "scope": "required" if part.is_shipped else "excluded",
        "purl": part.purl,
        "hashes": [{"alg": algorithm, "content": digest} for algorithm, digest in part.hashes],
        **({"licenses": [{"expression": part.licence}]} if part.licence else {}),
    }


def _python(lock: str, *, is_shipped: bool) -> list[Part]:
    found = []
    for name, version, rest in _PIN.findall((ROOT / lock).read_text()):
        hashes = tuple(("SHA-256", digest) for digest in _HASH.findall(rest))
        found.append(Part("pypi", name, version, hashes, _licence(name), is_shipped))
    return found


def _licence(name: str) -> str:
    try:
        said: Any = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:  # for another system or Python
        return ""
    if expression := said.get("License-Expression"):
        return str(expression).replace("BSD-2-Clause License", "BSD-2-Clause")
    named = [each for each in said.get_all("Classifier") or () if each.startswith("License ::")]
    text = f"{(said.get('License') or '')[:200]} {' '.join(named)}".strip()
    return next((licence for word, licence in _LICENCES if re.search(word, text)), "")


def _vendored() -> list[Part]:
    listed = json.loads((ROOT / "static/vendor/vendor.json").read_text())
    return [
        Part(
            "npm",
            each["name"],
            each["version"],
            tuple(("SHA-256", digest) for digest in each["files"].values()),
            each["licence"],
            is_shipped=True,
        )
        for each in listed["packages"]
    ]


def _node() -> list[Part]:
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    found = []
    for path, each in locked.items():
        if not path:
            continue  # the project itself
        name = path.rpartition("node_modules/")[2]
        algorithm, _, digest = each["integrity"].partition("-")
        hashes = ((algorithm.upper().replace("SHA", "SHA-"), base64.b64decode(digest).hex()),)
        found.append(Part("npm", name, each["version"], hashes, each["license"], is_shipped=False))
    return found


if __name__ == "__main__":
    sys.stdout.write(json.dumps(document(), indent=1, ensure_ascii=False) + "\n")
