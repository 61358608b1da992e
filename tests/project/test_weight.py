"""The buyer's page stays light: what is loaded before Buy may shrink, not grow."""

from __future__ import annotations

from tests.bench import weight

MOST_BYTES = 58_000  # below the aim, weight.AIM_BYTES


def test_the_scripts_before_buy_do_not_grow() -> None:
    names = weight.scripts()

    assert "js/crypto/bytes.js" in names
    assert "vendor/noble-hashes@2.4.0/sha2.js" in names
    for pressed in ("js/io/sampled.js", "js/pages/ordering.js", "js/crypto/hpke.js"):
        assert pressed not in names  # comes when it is pressed
    assert weight.gzip_bytes(names) <= MOST_BYTES
