"""The bill of materials names every locked package with version, hash and a licence that we may ship.

What CI cannot know without a network (holes, yanked versions) is `make audit`'s; docs/asvs.md says so.
"""

from __future__ import annotations

import importlib.metadata
import json
import re
from collections import Counter
from pathlib import Path

from tests import sbom

ROOT = Path(__file__).resolve().parents[2]
# What the product is handed on with. LGPL: imported as they are, never changed or linked in.
SHIPPED = {
    "MIT", "MIT-0", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "ISC", "PSF-2.0", "MPL-2.0",
    "LGPL-3.0-only",
}  # fmt: skip
# Needed elsewhere only (another system, an older Python): not installed here, so nobody tells.
NOT_HERE = {"async-timeout", "colorama", "tzdata"}


def test_every_line_of_every_lock_file_is_in_it_with_a_hash() -> None:
    named = {each.purl for each in sbom.parts()}
    pins = [
        pin
        for lock in ("requirements.txt", "requirements/dev.txt")
        for pin in re.findall(r"(?m)^([\w.-]+)(?:\[\w+\])?==([^\s;\\]+)", (ROOT / lock).read_text())
    ]
    locked = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    node = {
        (path.rpartition("node_modules/")[2], each["version"])
        for path, each in locked.items()
        if path
    }

    assert {f"pkg:pypi/{name}@{version}" for name, version in pins} <= named
    assert {f"pkg:npm/{name.replace('@', '%40')}@{version}" for name, version in node} <= named
    assert "pkg:npm/%40noble/hashes@2.4.0" in named
    assert [each.purl for each in sbom.parts() if not each.hashes] == []
    assert all(len(digest) in (64, 128) for each in sbom.parts() for _, digest in each.hashes)


def test_each_has_a_licence_and_what_ships_has_one_that_we_may_hand_on() -> None:
    unknown = {each.name for each in sbom.parts() if not each.licence}
    wrong = {
        each.name: each.licence
        for each in sbom.parts()
        if each.is_shipped and each.licence
        and not SHIPPED & set(re.split(r" OR | AND ", each.licence.strip("()")))
    }  # fmt: skip

    assert unknown <= NOT_HERE
    assert wrong == {}


def test_what_is_installed_is_what_is_locked() -> None:
    apart = {}
    for each in sbom.parts():
        if each.kind != "pypi" or each.name in NOT_HERE:
            continue
        installed = importlib.metadata.version(each.name)
        if installed != each.version:
            apart[each.name] = (installed, each.version)

    assert apart == {}


def test_it_is_cyclonedx_and_the_same_every_time() -> None:
    made = sbom.document()

    assert made == sbom.document()
    assert (made["bomFormat"], made["specVersion"], made["version"]) == ("CycloneDX", "1.6", 1)
    assert made["metadata"]["component"]["name"] == "kim"
    references = Counter(each["bom-ref"] for each in made["components"])
    assert max(references.values()) == 1
    django = next(each for each in made["components"] if each["name"] == "django")
    assert django["scope"] == "required"
    assert django["purl"] == f"pkg:pypi/django@{importlib.metadata.version('django')}"
    assert django["licenses"] == [{"expression": "BSD-3-Clause"}]
