"""Every secret there is, used as meant and then planted everywhere else: in no log line, in no table.

First maya and a buyer do what needs secrets, and what the server tells them is collected. Then each of these
secrets is put where an attacker or a hurried person might put it: path, query, Referer, User-Agent,
other headers, cookies, and every member of every body, on every route, signed in and not.
"""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pyotp
import pytest
from django.db import connection
from django.test import Client
from django.utils import timezone

from tests.project.test_headers import plain_routes
from tests.project.test_logs import written
from tests.unlock.creating import Browser, b64, derive
from tests.unlock.sale import Buyer, owe, publish
from tests.unlock.vaulting import recovery, with_vault
from unlock.models import Creator

__all__ = ["written"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("unlimited")]

R = b"Root-of-maya-32-bytes-planted-R!"
M = b"Content-key-M-32-bytes-planted-M"
L = b"LinkSecretL16byt"
PASSWORD = "Correct-Horse-Planted-77"
WORDS = "zebra zone zoo young yellow wrist worry worth wrap write wrong yard"
SHORT = 8  # spare and mailed codes are shorter than what can be told from other text


def spellings(secret: bytes | str) -> set[str]:
    if isinstance(secret, str):
        return {secret, secret.encode().hex().upper()}
    url = b64(secret)
    plain = base64.b64encode(secret).decode().rstrip("=")
    return {url, plain, secret.hex(), secret.hex().upper()}


def used() -> tuple[Browser, dict[str, bytes | str]]:
    """Everybody does what their secrets are for; the secrets."""
    maya = with_vault("maya", R)
    owner = Creator.objects.get()
    sold = publish(owner)
    buyer = Buyer()
    bought = buyer.purchase(sold, invoice_id=owe(sold).id)
    assert buyer.client.get(f"/api/v1/purchases/{bought.id}/").status_code == 200
    hook = maya.post("webhooks/", {"url": "https://shop.example/hook"}).json()
    token = maya.post(
        "tokens/",
        {"name": "shop", "scopes": ["files:read"], "days": 30, "derived": derive("correct horse")},
    ).json()
    offered = maya.post("second-step/", {"derived": derive("correct horse")}).json()
    code = pyotp.TOTP(offered["secret"]).at(timezone.now())
    spare = maya.put("second-step/", {"code": code}).json()["spare_codes"]
    return maya, {
        "password": PASSWORD,
        "derived": derive("correct horse"),
        "R": R,
        "recovery": recovery(R),
        "B": buyer.seed,
        "L": L,
        "M": M,
        "S": sold.secret,
        "claim": buyer.claim,
        "session": maya.client.cookies["kim-session"].value,
        "token": token["token"],
        "webhook": hook["secret"],
        "second step": offered["secret"],
        **{f"spare {number}": each for number, each in enumerate(spare)},
    }


def said(secret: bytes | str) -> str:
    return b64(secret) if isinstance(secret, bytes) else secret


def plant(client: Any, route: str, secrets: dict[str, str]) -> None:
    """One call with a body and one without; every secret stands in every place."""
    joined = "&".join(f"{name.replace(' ', '')}={each}" for name, each in secrets.items())
    link = f"#1.{secrets['L']}.{secrets['B']}"
    headers = {
        "HTTP_REFERER": f"https://kim.example/f/x{link}?{joined}",
        "HTTP_USER_AGENT": f"Mozilla {link} {joined}",
        "HTTP_AUTHORIZATION": f"Claim {secrets['claim']}",
        "HTTP_X_REQUEST_ID": joined,
        "HTTP_X_FORWARDED_FOR": secrets["password"],
        "HTTP_ACCEPT_LANGUAGE": secrets["password"],
    }
    body = {name: secrets[each] for name, each in MEMBERS.items()}
    asked = f"{route}?{joined}&l={link.replace('#', '%23')}"
    for method, content in (
        ("GET", b""),
        ("POST", json.dumps(body).encode()),
        ("PUT", b"{" + joined.encode()),
    ):
        client.generic(method, asked, content, "application/json", **headers).close()


# Where each of them belongs, or a hurried person takes it to belong.
MEMBERS = {
    "derived": "derived", "new_derived": "derived", "recovery": "recovery", "s": "S",
    "password": "password", "seed": "B", "root": "R", "claim": "claim", "claims": "claim",
    "code": "second step", "value": "session", "token": "token", "secret": "webhook",
    "username": "password", "m": "M",
}  # fmt: skip


def dump() -> str:
    """Every row of every table, blobs as hex, as SQLite writes it out."""
    connection.ensure_connection()
    return "\n".join(connection.connection.iterdump())


def test_no_secret_stands_in_a_log_line_or_a_table(written: io.StringIO) -> None:
    if connection.vendor != "sqlite":
        return  # the tables are the same; SQLite writes them all out in one call
    maya, secrets = used()
    shown = {name: said(each) for name, each in secrets.items()}
    nobody = Client(raise_request_exception=False)
    maya.client.raise_request_exception = False

    routes = [
        route for route in plain_routes() if not route.startswith("/admin/") or "some" not in route
    ]
    for route in (*routes, "/nowhere", f"/f/{shown['L']}", f"/{shown['password']}"):
        if route == "/api/v1/schema/":
            continue
        plant(nobody, route, shown)
    for route in [each for each in routes if each.startswith("/api/v1/")]:
        plant(maya.client, route, shown)

    log, tables = written.getvalue(), dump()
    assert "kim.health" in log  # it does write
    assert "shop.example" in tables  # and does dump
    long = {name: each for name, each in secrets.items() if len(each) > SHORT}
    in_log = {name for name, each in long.items() if any(word in log for word in spellings(each))}
    in_tables = {
        name for name, each in long.items() if any(word in tables for word in spellings(each))
    }
    assert len(long) >= 13
    assert in_log == set()
    assert in_tables == set()
