"""docs/protocol.md is enough: the reader printed in it opens every vector and refuses tampering."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cryptography.exceptions import InvalidTag

from tests.unit.test_container_vectors import CONTAINERS, TAMPER, WHOLE, data_of, spoil, x
from unlock import container, errors

PAGE = (Path(__file__).parents[2] / "docs" / "protocol.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def stranger() -> dict[str, Any]:
    [source] = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    names: dict[str, Any] = {}
    exec(source, names)  # noqa: S102 - the page's own listing is what is tested
    return names


@pytest.mark.parametrize("case", WHOLE, ids=lambda case: case["name"])
def test_the_printed_reader_opens_the_vectors(
    stranger: dict[str, Any], case: dict[str, Any]
) -> None:
    raw = container.decode_b64url(case["container_base64url"])
    expected = {
        file["path"] if case["is_bundle"] else None: data_of(file) for file in case["files"]
    }

    by_m = stranger["open_container"](raw, m=x(case["m"]), content_id=x(case["content_id"]))
    by_release = stranger["open_container"](raw, s=x(case["s"]), l=x(case["l"]))

    assert by_m == by_release == expected


@pytest.mark.parametrize(
    "case",
    [case for case in TAMPER["cases"] if case["open"] and "with" not in case],
    ids=lambda case: case["name"],
)
def test_the_printed_reader_refuses_tampering(
    stranger: dict[str, Any], case: dict[str, Any]
) -> None:
    # It is short: what it refuses by stumbling (an index out of range) is refused all the same.
    with pytest.raises((ValueError, IndexError, InvalidTag, TypeError)):
        stranger["open_container"](spoil(case), m=x(CONTAINERS[case["vector"]]["m"]))


def test_the_page_names_every_error_and_its_code() -> None:
    named = dict(re.findall(r"`([A-Z]\w+)` \| `(\w+)`", PAGE))
    named["LicenceMalformed"] = "licence_malformed"
    for name in dir(errors):
        found = getattr(errors, name)
        is_ours = isinstance(found, type) and issubclass(found, errors.ContainerError)
        if is_ours and found is not errors.ContainerError:
            assert named[name] == found.code, name


def test_the_page_shows_the_licence_as_it_is_written() -> None:
    members = json.loads(
        container.build_licence(container.Licence(bytes(32), bytes(32), "", (), b"", bytes(64)))
    )
    for member in members:
        assert f'"{member}":' in PAGE
