"""Write forwards.json: `python -m tests.vectors.forwards`. Python and JS are both held to it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from payments import addresses, covenants
from payments.covenants import Coin
from payments.states import Network
from payments.transactions import Outpoint

PATH = Path(__file__).with_name("forwards.json")
_HASH = hashlib.sha256(b"kim forwards").digest()
PAYEES = {
    "P2PKH": b"\x76\xa9\x14" + _HASH[:20] + b"\x88\xac",
    "P2SH20": b"\xa9\x14" + _HASH[:20] + b"\x87",
    "P2SH32": b"\xaa\x20" + _HASH + b"\x87",
}


def forwarders() -> list[dict[str, Any]]:
    """Addresses of three kinds of payee, at the first, some, and the last numbers."""
    made = []
    for kind, payee in PAYEES.items():
        for number in (0, 1, 255, 256, 10_000, 2**31 - 1):
            seed = hashlib.sha256(f"seed of {kind}".encode()).digest()
            found = covenants.forwarder(seed, number, payee_script=payee, max_fee_sat=600)
            made.append(
                {
                    "kind": kind,
                    "seed": seed.hex(),
                    "payee": payee.hex(),
                    "max_fee_sat": 600,
                    "n": number,
                    "nonce": found.nonce.hex(),
                    "redeem": found.redeem_script.hex(),
                    "script": found.script.hex(),
                    "address": addresses.encode(found.script, Network.MAINNET),
                    "payee_address": addresses.encode(payee, Network.MAINNET),
                    "least_sat": covenants.least_sat(found),
                }
            )
    return made


def forwards() -> list[dict[str, Any]]:
    """Transactions of one, two and many coins, at several fees."""
    return [
        _forward(count, sat_per_byte, kind)
        for kind in PAYEES
        for count, sat_per_byte in ((1, 1), (2, 1), (3, 2), (50, 3), (40, 1))
    ]


def _forward(count: int, sat_per_byte: int, kind: str) -> dict[str, Any]:
    seed, payee = hashlib.sha256(f"seed of {kind}".encode()).digest(), PAYEES[kind]
    rows: list[dict[str, Any]] = [
        {
            "n": n,
            "txid": hashlib.sha256(b"%d" % n).hexdigest(),
            "vout": n % 3,
            "value_sat": 2_000 + n,
        }
        for n in range(count)
    ]
    coins = [
        Coin(
            Outpoint(str(row["txid"]), int(row["vout"])),
            int(row["value_sat"]),
            covenants.forwarder(seed, int(row["n"]), payee_script=payee, max_fee_sat=600),
        )
        for row in rows
    ]
    made = covenants.forward(coins, msat_per_byte=1_000 * sat_per_byte)
    raw = made.serialize()
    return {
        "seed": seed.hex(),
        "payee": payee.hex(),
        "max_fee_sat": 600,
        "sat_per_byte": sat_per_byte,
        "coins": rows,
        "txid": made.txid,
        **({"raw": raw.hex()} if count <= 3 else {"raw_sha256": hashlib.sha256(raw).hexdigest()}),
    }


def text() -> str:
    return json.dumps({"forwarders": forwarders(), "forwards": forwards()}, indent=1) + "\n"


if __name__ == "__main__":
    PATH.write_text(text())
