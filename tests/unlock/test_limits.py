"""Sizes of parts, and what people may type."""

# ruff: noqa: RUF001 - look-alikes are the point here
from __future__ import annotations

import os

import pytest

from unlock import container, limits
from unlock.creator_errors import FileTooLarge, LinkSecretInText, TextInvalid, UsernameInvalid

MIB = 1024 * 1024
SECRET = container.encode_b64url(b"\x07" * 16)


@pytest.mark.parametrize(
    ("size_bytes", "part_bytes", "count"),
    [
        (1, 8 * MIB, 1),
        (8 * MIB, 8 * MIB, 1),
        (8 * MIB + 1, 8 * MIB, 2),
        (10_000 * 8 * MIB, 8 * MIB, 10_000),
        (10_000 * 8 * MIB + 1, 16 * MIB, 5_001),
        (10_000 * 16 * MIB + 1, 32 * MIB, 5_001),
        (10_000 * 64 * MIB, 64 * MIB, 10_000),
    ],
)
def test_parts_are_the_smallest_that_fit_in_ten_thousand(
    size_bytes: int, part_bytes: int, count: int
) -> None:
    assert limits.part_bytes_for(size_bytes) == part_bytes
    assert limits.count_parts(size_bytes, part_bytes) == count
    sizes = [
        limits.size_of_part(number, size_bytes=size_bytes, part_bytes=part_bytes)
        for number in range(1, count + 1)
    ]
    assert sum(sizes) == size_bytes
    assert set(sizes[:-1]) <= {part_bytes}


def test_what_ten_thousand_large_parts_cannot_hold_is_too_large() -> None:
    with pytest.raises(FileTooLarge):
        limits.part_bytes_for(10_000 * 64 * MIB + 1)


@pytest.mark.parametrize(
    "text",
    [
        f"https://kim.example/f/0d1f#1.{SECRET}",
        f"buy here: #1.{SECRET}!",
        f"1.{SECRET}",
        f"the key is 1.{SECRET}.",
        f"return link #1.{SECRET}.{container.encode_b64url(bytes(32))}",
        f"https://kim.example/f/0d1f%231.{SECRET}",
        f"#1.{SECRET[:9]}\u200b{SECRET[9:]}",
        f"#1.{SECRET}andmore",
        f"\uff031.{SECRET}",
    ],
)
def test_the_secret_half_of_a_link_is_found_however_it_is_written(text: str) -> None:
    assert limits.has_link_secret(text)
    with pytest.raises(LinkSecretInText):
        limits.clean_title(text)
    with pytest.raises(LinkSecretInText):
        limits.clean_description(text)


def test_every_real_link_is_found() -> None:
    for _ in range(200):
        secret = container.encode_b64url(os.urandom(16))
        assert limits.has_link_secret(f"look: https://kim.example/f/x#1.{secret} nice")


@pytest.mark.parametrize(
    "text",
    [
        "Version 1.2.3 of the score",
        "Track #1. The long one",
        "https://kim.example/f/0d1f",
        "1.abcdefghijklmnopqrstu",
        "A 1.5 hour film, 1.000.000 views",
        "sha256 9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
    ],
)
def test_ordinary_text_passes(text: str) -> None:
    assert not limits.has_link_secret(text)
    assert limits.clean_description(text) == text


def test_a_title_is_one_trimmed_line() -> None:
    assert limits.clean_title("  Nine   recordings ") == "Nine recordings"
    assert limits.clean_title("Cafe\u0301") == "Café"
    assert limits.clean_title("x" * 200) == "x" * 200


@pytest.mark.parametrize("title", ["", "   ", "x" * 201, "two\nlines", "nul\0", "\ud800"])
def test_other_titles_are_refused(title: str) -> None:
    with pytest.raises(TextInvalid):
        limits.clean_title(title)


@pytest.mark.parametrize("character", ["\u202e", "\u202a", "\u2066", "\u2069", "\x1b", "\x7f"])
def test_characters_that_hide_or_turn_text_are_refused(character: str) -> None:
    with pytest.raises(TextInvalid, match=f"U\\+{ord(character):04X}"):
        limits.clean_title(f"invoice{character}gpj.exe")
    with pytest.raises(TextInvalid):
        limits.clean_description(f"line\n{character}line")


def test_a_description_keeps_its_lines_and_other_scripts() -> None:
    assert limits.clean_description(" a\r\nb\n\tשלום \n") == "a\nb\n\tשלום"
    assert limits.clean_description("") == ""
    with pytest.raises(TextInvalid):
        limits.clean_description("x" * 20_001)


@pytest.mark.parametrize("name", ["maya", "MAYA ", "maya-2", "m_a_y_a", "abc", "a" * 32])
def test_names_in_plain_letters_are_taken_in_lower_case(name: str) -> None:
    assert limits.clean_username(name) == name.strip().lower()


@pytest.mark.parametrize(
    "name",
    [
        "", "ab", "a" * 33, "-maya", "maya-", "ma--ya", "ma ya", "ma.ya", "maya\n1", "mаya",
        "ＭＡＹＡ", "admin", "KIM", "root", "../etc", "maya\0",
    ],
)  # fmt: skip
def test_names_that_could_be_taken_for_others_are_refused(name: str) -> None:
    with pytest.raises(UsernameInvalid):
        limits.clean_username(name)
