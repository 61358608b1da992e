"""The buyer's page stays light: what is loaded before Buy may shrink, not grow."""

from __future__ import annotations

import gzip
import re

import pytest
from django.conf import settings
from django.test import Client

from tests.bench import weight
from tests.unlock import sale
from unlock import static_files, storefront

MOST_BYTES = 58_000  # below the aim, weight.AIM_BYTES
PAGE_BYTES = 100_000  # all that is not media: page, styles, scripts, workers


def test_the_scripts_before_buy_do_not_grow() -> None:
    names = weight.scripts()

    assert "js/crypto/bytes.js" in names
    assert "vendor/noble-hashes@2.4.0/sha2.js" in names
    for pressed in ("js/io/sampled.js", "js/pages/ordering.js", "js/crypto/hpke.js"):
        assert pressed not in names  # comes when it is pressed
    assert weight.gzip_bytes(names) <= MOST_BYTES


def test_with_its_german_texts_it_stays_below_the_aim() -> None:
    german = "js/texts/de/first.js"

    assert b"Jetzt kaufen" in weight.served(german)
    assert weight.gzip_bytes([*weight.scripts(), german]) <= weight.AIM_BYTES


@pytest.mark.django_db
def test_the_whole_product_page_before_media_stays_below_100_kb() -> None:
    words = " ".join(str(number) for number in range(1_000))  # gzip makes little of it
    sold = sale.publish(description=f"# Nights\n\n{words}\n\n- **one**\n- two")
    maker = sold.file.creator
    storefront.set_profile(maker, about="Ninety nights. " * 20, contact="maya@example.org")

    answer = Client().get(f"/f/{sold.file.id}", headers={"Accept-Encoding": "gzip"})

    shown = re.sub(r"<template.*?</template>", "", _text(answer.content), flags=re.DOTALL)
    named = re.findall(rf'(?:src|href)="{settings.STATIC_URL}([^"]+)"', shown)
    names = {name.replace("%40", "@") for name in named} | set(weight.scripts())
    assert "css/components/offer.css" in names
    assert "js/pages/offer.js" in names
    files = [static_files.files()[name] for name in names]
    assets = sum(len(file.body if file.squeezed is None else file.squeezed) for file in files)
    assert answer.headers["Content-Encoding"] == "gzip"
    assert len(answer.content) + assets <= PAGE_BYTES


def _text(squeezed: bytes) -> str:
    return gzip.decompress(squeezed).decode()
