"""A change of keys reaches everything that is sealed to a key of the instance: nothing is forgotten."""

from __future__ import annotations

import re
from pathlib import Path

from django.apps import apps

from kim import sealed

ROOT = Path(__file__).resolve().parents[2]
# Sealed by somebody else, or to somebody else: no key of the instance opens them.
OTHERS = {"KeyRelease.sealed"}  # to the buyer
# Who seals, and the columns that what they seal stands in.
SEALERS = {
    "payments/field_keys.py": set(),
    "payments/seals.py": set(),
    "payments/payouts.py": {"Payout.sealed"},
    "unlock/sealing_keys.py": set(),
    "unlock/files.py": {"PaidFile.s_sealed"},
    "unlock/replacements.py": {"Version.s_sealed"},
    "unlock/deposits.py": {"PaidFile.s_sealed", "Version.s_sealed"},
    "unlock/keys.py": {"PaidFile.s_sealed", "Version.s_sealed"},
    "unlock/vaults.py": {"Vault.sealed_root"},
    "unlock/second_factors.py": {"SecondFactor.sealed_seed"},
    "unlock/staff_factors.py": {"StaffFactor.sealed_seed"},
    "unlock/webhooks.py": {"Webhook.sealed_secret"},
    "unlock/codes.py": {"DiscountCode.sealed_code"},
    "unlock/payout_changes.py": {"PayoutChange.value"},
    "unlock/replays.py": {"KeptAnswer.sealed_body"},
    "unlock/reports.py": {"Report.sealed_key"},
}
SEALING = re.compile(
    r"\b(?:at_rest|field_keys|seals)\.seal\(|seal_deposit\(|^def seal\(", re.MULTILINE
)
HOLDERS = re.compile(r"settings\.KIM_FIELD_KEY\b")


def registered() -> set[str]:
    return {column.label for column in (*sealed.FIELD, *sealed.deposits(()))}


def product() -> dict[str, str]:
    return {
        path.relative_to(ROOT).as_posix(): path.read_text()
        for area in ("kim", "unlock", "payments")
        for path in sorted((ROOT / area).rglob("*.py"))
        if not {"migrations", "container"} & set(path.parts)
    }


def test_every_column_that_is_called_sealed_is_registered() -> None:
    named = {
        f"{model.__name__}.{field.name}"
        for model in apps.get_models()
        for field in model._meta.fields
        if "sealed" in field.name
    }

    assert named - OTHERS <= registered()
    assert named >= OTHERS


def test_every_module_that_seals_has_its_columns_registered() -> None:
    found = {name for name, text in product().items() if SEALING.search(text)}

    assert found == set(SEALERS)
    assert set.union(*SEALERS.values()) == registered()


def test_the_field_key_is_used_in_few_places() -> None:
    """Whoever takes the key itself seals what a change of keys cannot reach."""
    found = {name for name, text in product().items() if HOLDERS.search(text)}

    assert found == {"payments/field_keys.py", "unlock/marks.py", "kim/keyring.py"}
