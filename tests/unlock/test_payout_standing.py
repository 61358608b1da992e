"""What a creator is told about money on its way and about an xpub's gap."""

from __future__ import annotations

import pytest
from django.utils import timezone

from payments import payouts
from tests.unlock.creating import Browser, refusal, signed_in
from tests.unlock.test_api_creators import address
from tests.xpub import XPUB

pytestmark = pytest.mark.django_db


def test_an_address_has_sums_and_no_gap() -> None:
    maya = signed_in("maya")
    said = maya.put("payout/", {"value": address(b"\x11")}).json()

    assert said["gap"] is None
    names = ("waiting", "in_flight", "forwarded", "stuck", "token")
    assert [said[f"{name}_sat"] for name in names] == [0, 0, 0, 0, 0]


def test_an_unsure_xpub_says_so_until_the_creator_confirms() -> None:
    maya, eve = signed_in("maya"), signed_in("eve")
    said = maya.put("payout/", {"value": XPUB}).json()
    assert said["gap"] == {
        "gap": 0,
        "last_used": None,
        "next_index": 0,
        "unsure_at": None,
        "is_falling_back": False,
        "advice": "",
    }
    payouts.heed_marks({said["id"]: 8}, now=timezone.now())

    unsure = maya.get("payout/").json()["gap"]
    assert (unsure["next_index"], unsure["is_falling_back"]) == (8, True)
    assert unsure["unsure_at"] is not None
    assert unsure["advice"] == "wallet.change_gap_limit(40)"

    assert eve.post("payout/gap/", {}).json() == {"suggested": None}
    assert maya.get("payout/").json()["gap"] == unsure
    sure = maya.post("payout/gap/", {}).json()["gap"]
    assert (sure["unsure_at"], sure["is_falling_back"]) == (None, False)
    assert maya.get("payout/").json()["gap"] == sure


def test_only_a_creator_confirms_a_gap() -> None:
    assert refusal(Browser().post("payout/gap/", {}))[0] in {401, 403}
