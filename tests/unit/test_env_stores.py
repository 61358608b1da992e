"""Any number of stores by name; a mistake in one is one sentence, said before anything serves."""

from __future__ import annotations

import inspect
from dataclasses import fields
from pathlib import Path

import pytest

from kim import env_stores
from kim.env import BadSetting, StoreConfig
from unlock import stores

MAIN = tuple(
    f"KIM_S3_{field}"
    for field in (
        "ENDPOINT", "PUBLIC_ENDPOINT", "BUCKET", "REGION", "ACCESS_KEY", "SECRET_KEY",
        "PATH_STYLE", "READ_ONLY",
    )
)  # fmt: skip
ONE = {"KIM_S3_ENDPOINT": "http://127.0.0.1:1", "KIM_S3_ACCESS_KEY": "a", "KIM_S3_SECRET_KEY": "s"}
TWO = {
    "KIM_STORES": "main,second",
    "KIM_STORE_SECOND_ENDPOINT": "https://s3.example",
    "KIM_STORE_SECOND_ACCESS_KEY": "b",
    "KIM_STORE_SECOND_SECRET_KEY": "secret-of-second",
}


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*MAIN, "KIM_STORES", "KIM_COPIES"):
        monkeypatch.delenv(name, raising=False)


def read(monkeypatch: pytest.MonkeyPatch, **variables: str) -> tuple[StoreConfig, ...]:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    return env_stores.read("KIM_STORES", main=MAIN)


def test_what_named_one_store_before_still_does(monkeypatch: pytest.MonkeyPatch) -> None:
    (main,) = read(monkeypatch, **ONE)

    assert (main.name, main.endpoint, main.public_endpoint) == (
        "main",
        "http://127.0.0.1:1",
        "http://127.0.0.1:1",
    )
    assert (main.bucket, main.region, main.is_path_style, main.is_read_only) == (
        "kim",
        "us-east-1",
        True,
        False,
    )


def test_a_second_store_has_its_own_variables_and_secrets_from_files(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.write_text("kept in a file\n")
    given = {**ONE, **TWO, "KIM_STORE_SECOND_SECRET_KEY_FILE": str(secret)}
    del given["KIM_STORE_SECOND_SECRET_KEY"]

    _, second = read(
        monkeypatch,
        **given,
        KIM_STORE_SECOND_PATH_STYLE="0",
        KIM_STORE_SECOND_READ_ONLY="1",
        KIM_STORE_SECOND_BUCKET="films",
    )

    assert (second.name, second.endpoint, second.bucket) == (
        "second",
        "https://s3.example",
        "films",
    )
    assert (second.secret_key, second.is_path_style, second.is_read_only) == (
        "kept in a file",
        False,
        True,
    )
    assert "kept in a file" not in repr(second)


def test_main_may_be_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    (second,) = read(monkeypatch, **{**TWO, "KIM_STORES": "second"})

    assert second.name == "second"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"KIM_STORES": "main,Second"}, "'Second' is no name"),
        ({"KIM_STORES": "main,a_b"}, "'a_b' is no name"),
        ({"KIM_STORES": "main,url"}, "'url' is no name"),
        ({"KIM_STORES": "main,second,second"}, "names a store twice"),
        ({"KIM_STORES": ","}, "KIM_STORES is empty"),
        ({"KIM_STORES": "main,third"}, "KIM_STORE_THIRD_ENDPOINT is not set"),
        ({"KIM_STORES": "main"}, "belongs to no store that KIM_STORES lists"),
        ({"KIM_STORE_SECOND_BUKCET": "x"}, "KIM_STORE_SECOND_BUKCET belongs to no store"),
        ({"KIM_STORE_SECOND_ENDPOINT": "s3.example"}, "must look like https://"),
        ({"KIM_STORE_SECOND_SECRET_KEY": ""}, "KIM_STORE_SECOND_SECRET_KEY is not set"),
        ({"KIM_STORE_SECOND_PATH_STYLE": "yes"}, "must be 1 or 0"),
        ({"KIM_STORE_SECOND_ENDPOINT": "http://127.0.0.1:1"}, "are the same bucket"),
        ({"KIM_S3_READ_ONLY": "1"}, "takes uploads and cannot be read-only"),
    ],
)
def test_a_wrong_one_is_one_sentence_that_tells_no_secret(
    monkeypatch: pytest.MonkeyPatch, changes: dict[str, str], said: str
) -> None:
    with pytest.raises(BadSetting) as caught:
        read(monkeypatch, **{**ONE, **TWO, **changes})

    assert said in str(caught.value)
    assert "secret-of-second" not in str(caught.value)


@pytest.mark.parametrize(("raw", "refused"), [("2", ""), ("3", "only 2"), ("0", "between 1")])
def test_no_more_copies_than_stores_that_take_files(
    monkeypatch: pytest.MonkeyPatch, raw: str, refused: str
) -> None:
    found = read(monkeypatch, **{**ONE, **TWO})
    monkeypatch.setenv("KIM_COPIES", raw)

    if not refused:
        assert env_stores.copies("KIM_COPIES", found) == int(raw)
        return
    with pytest.raises(BadSetting, match=refused):
        env_stores.copies("KIM_COPIES", found)


def test_settings_and_stores_agree_on_what_a_store_is() -> None:
    wanted = {
        name for name, each in inspect.getmembers(stores.StoreConfig) if isinstance(each, property)
    }

    assert wanted == {field.name for field in fields(StoreConfig)}
