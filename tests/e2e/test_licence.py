"""The licence opens the stored object without the server: with Python alone."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config
from playwright.sync_api import Page

from kim.stack import Stack
from tests.e2e import people
from tests.e2e.people import Devchain
from unlock.container import Container
from unlock.container.tlvs import TYPE_HINT

pytestmark = [pytest.mark.browser, pytest.mark.stack]


def store_of(stack: Stack) -> Any:
    """The stack's store, for whoever holds its keys."""
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{stack.layout.s3_port}",
        aws_access_key_id=stack.secrets["KIM_S3_ACCESS_KEY"],
        aws_secret_access_key=stack.secrets["KIM_S3_SECRET_KEY"],
        region_name="us-east-1",
        config=Config(s3={"addressing_style": "path"}, connect_timeout=5, read_timeout=60),
    )


def stored_object(stack: Stack) -> bytes:
    """The newest container in the stack's bucket; the server keeps marks of its own there, too."""
    client = store_of(stack)
    listed = client.list_objects_v2(Bucket="kim", Prefix="containers/")["Contents"]
    newest = max(listed, key=lambda entry: entry["LastModified"])
    body: bytes = client.get_object(Bucket="kim", Key=newest["Key"])["Body"].read()
    client.close()
    return body


def test_the_python_unlocker_opens_the_stored_object_with_the_licence(
    person: Callable[..., Page], stack: Stack, chain: Devchain, tmp_path: Path
) -> None:
    original = tmp_path / "essay.txt"
    original.write_bytes(os.urandom(3 * 2**20 + 77))
    maya, noor = person(), person()
    people.sign_up(maya, "maya-licence")
    link = people.sell(maya, original, key_file=tmp_path / "key.json")
    chain.pay(people.buy(noor, link))
    chain.mine()
    people.wait_state(noor, "PAID")
    with noor.expect_download() as download:
        people.by(noor, "licence-save").click()
    licence = tmp_path / "licence.json"
    download.value.save_as(licence)
    stored = stored_object(stack)
    (tmp_path / "stored.kim").write_bytes(stored)
    hints = [tlv.value for tlv in Container(io.BytesIO(stored)).tlvs if tlv.kind == TYPE_HINT]

    done = subprocess.run(
        [
            *(sys.executable, "-m", "unlock.container", "open", str(tmp_path / "stored.kim")),
            *("--licence", str(licence), "--output", str(tmp_path / "opened")),
        ],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == 0, done.stderr
    assert [json.loads(hint) for hint in hints] == [{"u": f"{stack.layout.public_url}/open/"}]
    opened = tmp_path / "opened"
    opened = next(opened.iterdir()) if opened.is_dir() else opened
    assert (
        hashlib.sha256(opened.read_bytes()).digest()
        == hashlib.sha256(original.read_bytes()).digest()
    )
    assert json.loads(licence.read_text())["name"] == "essay.txt"
