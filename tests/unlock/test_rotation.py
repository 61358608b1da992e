"""A change of keys: everything is sealed anew, nothing that changed meanwhile is lost, no key is forgotten."""

from __future__ import annotations

import io
import os
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from cryptography.exceptions import InvalidTag
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command
from django.utils import timezone

from kim import checks, keyring, rotation, sealed
from payments import field_keys, seals
from payments.models import Payout
from payments.states import InvoiceState
from tests.unlock import sale
from tests.unlock.creating import b64, signed_in
from tests.unlock.replacing import META, Page, Share
from tests.unlock.sale import INSTANCE_PRIVATE, INSTANCE_PUBLIC, NOW, Buyer
from tests.xpub import XPUB
from unlock import (
    at_rest,
    codes,
    container,
    keys,
    payout_changes,
    replays,
    reports,
    sealing_keys,
    second_factors,
    staff_factors,
    vaults,
    versions,
    webhooks,
)
from unlock.errors import InstanceKeyMissing, SecretUnusable
from unlock.models import (
    Creator,
    DiscountCode,
    KeptAnswer,
    PaidFile,
    PayoutChange,
    Report,
    SealingKey,
    SecondFactor,
    StaffFactor,
    Vault,
    Version,
    Webhook,
)
from unlock.sealing_keys import Kind

if TYPE_CHECKING:
    from pytest_django.fixtures import Settings

pytestmark = pytest.mark.django_db

OLD = INSTANCE_PRIVATE[0]
NEW_PAIR = container.derive_key_pair(b"n" * 32)
NEW, NEW_PUBLIC = NEW_PAIR.private_key, NEW_PAIR.public_key
FIELD_OLD, FIELD_NEW = b"\x08" * 32, b"\x09" * 32


@pytest.fixture
def turned(settings: Settings) -> Settings:
    """The settings of an instance whose new key is published and whose old one still opens."""
    settings.KIM_INSTANCE_PUBLIC_KEY = NEW_PUBLIC
    settings.KIM_INSTANCE_KEYS = (NEW, OLD)
    return settings


def rotate(name: str = "rotate_instance_key", **options: Any) -> str:
    out = io.StringIO()
    call_command(name, stdout=out, stderr=out, **options)
    return out.getvalue()


def noted(kind: Kind) -> dict[str, bool]:
    """Fingerprint → is it still needed."""
    rows = SealingKey.objects.filter(kind=kind)
    return {row.fingerprint: row.retired_at is None for row in rows}


OLD_NAME, NEW_NAME = (sealing_keys.fingerprint(key) for key in (INSTANCE_PUBLIC, NEW_PUBLIC))


def test_every_deposit_is_sealed_to_the_newest_key_and_serves_its_buyers(turned: Settings) -> None:
    sealing_keys.note(Kind.INSTANCE, OLD_NAME)
    sold = [sale.publish() for _ in range(5)]

    said = rotate(batch=2)

    assert "pass 2: 5 of 5, 0 sealed anew" in said
    assert f"All of 5 are sealed to {NEW_NAME}." in said
    assert f"The key {OLD_NAME} may be taken out of KIM_INSTANCE_KEYS." in said
    assert noted(Kind.INSTANCE) == {OLD_NAME: False, NEW_NAME: True}
    turned.KIM_INSTANCE_KEYS = (NEW,)
    keys.check_instance_keys(NEW_PUBLIC, (NEW,))
    for each in sold:
        noor = Buyer()
        bought = noor.purchase(each, invoice_id=sale.owe(each, InvoiceState.PAID).id)
        released = keys.release(bought.id, private_keys=(NEW,), now=NOW)
        assert released is not None
        assert noor.open(bought, released.sealed) == each.secret


def test_a_run_that_was_stopped_goes_on_where_it_was(turned: Settings) -> None:
    for _ in range(6):
        sale.publish()
    begun = rotation.run(sealed.deposits(), batch=2)
    first = next(begun)
    assert (first.done, first.moved) == (2, 2)
    begun.close()

    last = rotation.look(sealed.deposits())
    assert (last.total, last.moved, len(last.lost)) == (6, 4, 0)
    assert "pass 1: 6 of 6, 4 sealed anew" in rotate()


def test_versions_and_what_is_staged_are_sealed_anew(turned: Settings) -> None:
    turned.KIM_INSTANCE_PUBLIC_KEY = INSTANCE_PUBLIC
    sold = sale.publish()
    share = Share(generation=1, link_generation=1, meta_link=META)
    assert Page(sold).stage(share).status_code == 200
    turned.KIM_INSTANCE_PUBLIC_KEY = NEW_PUBLIC

    rotate()

    row = Version.objects.get(published_at=None)
    held = sold.file.container
    assert held is not None
    for sealed_as, expected in (
        (PaidFile.objects.get().s_sealed, sold.secret),
        (row.s_sealed, share.secret),
        (Version.objects.get(published_at__isnull=False).s_sealed, sold.secret),
    ):
        opened = container.open_deposit(
            (NEW,),
            bytes(sealed_as),
            paid_file=sold.file.id,
            content_id=bytes.fromhex(held.content_id),
        )
        assert opened == expected
    assert versions.candidate(PaidFile.objects.get()).generation == row.generation


def test_a_row_that_changed_meanwhile_is_left_as_it_is_and_found_again(turned: Settings) -> None:
    sold = sale.publish()
    (column, _) = sealed.deposits()
    stale = column.rows().get()
    fresh = keys.renewed_deposit(stale, private_keys=(OLD,)) or container.seal_deposit(
        INSTANCE_PUBLIC,
        paid_file=sold.file.id,
        content_id=bytes.fromhex(stale.container.content_id),
        release_secret=sold.secret,
    )
    PaidFile.objects.update(s_sealed=fresh)
    far = rotation.Progress(total=1)

    rotation._one(column, stale, far, writes=True)

    assert (far.moved, far.missed, far.is_settled) == (0, 1, False)
    assert bytes(PaidFile.objects.get().s_sealed) == fresh
    assert "1 sealed anew" in rotate()


def test_without_the_older_key_nothing_begins(turned: Settings) -> None:
    sealing_keys.note(Kind.INSTANCE, OLD_NAME)
    before = bytes(sale.publish().file.s_sealed)
    turned.KIM_INSTANCE_KEYS = (NEW,)

    with pytest.raises(CommandError, match=f"sealed to the key {OLD_NAME}"):
        rotate()
    with pytest.raises(InstanceKeyMissing, match=OLD_NAME):
        keys.check_instance_keys(NEW_PUBLIC, (NEW,))
    assert bytes(PaidFile.objects.get().s_sealed) == before


def test_the_newest_key_must_stand_first_and_be_published(turned: Settings) -> None:
    turned.KIM_INSTANCE_KEYS = (OLD, NEW)

    with pytest.raises(CommandError, match="put the newest key first"):
        rotate()


def test_one_deposit_that_opens_with_no_key_keeps_every_key(turned: Settings) -> None:
    sealing_keys.note(Kind.INSTANCE, OLD_NAME)
    now = timezone.now()
    sale.publish(published_at=now - timedelta(days=2))
    odd = sale.publish(published_at=now - timedelta(days=1))
    sale.publish(published_at=now)
    PaidFile.objects.filter(id=odd.file.id).update(s_sealed=os.urandom(113))

    with pytest.raises(CommandError, match="1 values open with none of the keys; no key may be"):
        rotate()

    assert noted(Kind.INSTANCE) == {OLD_NAME: True, NEW_NAME: True}
    assert rotation.look(sealed.deposits()).moved == 0  # the others are done all the same


def test_a_deposit_to_a_retired_key_makes_it_needed_again(turned: Settings) -> None:
    sealing_keys.note(Kind.INSTANCE, OLD_NAME)
    rotate()
    turned.KIM_INSTANCE_PUBLIC_KEY = INSTANCE_PUBLIC  # a web process that was not restarted

    sealing_keys.seal_deposit(
        paid_file=sale.publish().file.id, content_id=b"c" * 32, release_secret=b"s" * 32
    )

    assert noted(Kind.INSTANCE)[OLD_NAME] is True
    with pytest.raises(InstanceKeyMissing, match=OLD_NAME):
        keys.check_instance_keys(NEW_PUBLIC, (NEW,))


def test_a_key_is_given_up_and_its_files_are_deposited_again(settings: Settings) -> None:
    maya = signed_in("maya")
    owner = Creator.objects.get()
    sealing_keys.note(Kind.INSTANCE, OLD_NAME)
    sold = sale.publish(owner)
    other = sale.publish()
    settings.KIM_INSTANCE_PUBLIC_KEY, settings.KIM_INSTANCE_KEYS = NEW_PUBLIC, (NEW,)
    noor = Buyer()
    bought = noor.purchase(sold, invoice_id=sale.owe(sold, InvoiceState.PAID).id)
    with pytest.raises(SecretUnusable):
        keys.release(bought.id, private_keys=(NEW,), now=NOW)

    assert "2 values open with no key" in rotate(give_up=OLD_NAME)

    keys.check_instance_keys(NEW_PUBLIC, (NEW,))
    assert maya.get("deposits/").json()["left"] == 1
    (wanted,) = maya.get("deposits/").json()["deposits"]
    assert wanted["file"] == str(sold.file.id)
    assert wanted["h_s"] == sold.file.h_s
    assert sold.file.container is not None
    assert wanted["file_id"] == bytes(sold.file.container.file_id).hex()
    body = {"file": wanted["file"], "generation": wanted["generation"]}
    for wrong, status in (
        ([{**body, "s": b64(os.urandom(32))}], "secret_mismatch"),
        ([{**body, "s": b64(sold.secret)}, {**body, "s": b64(other.secret)}], "secret_mismatch"),
        ([{**body, "file": str(other.file.id), "s": b64(other.secret)}], "not_found"),
        ([{**body, "generation": 7, "s": b64(sold.secret)}], "not_found"),
    ):
        assert maya.put("deposits/", {"deposits": wrong}).json()["error"]["code"] == status
    assert bytes(PaidFile.objects.get(id=sold.file.id).s_sealed) == b""

    answer = maya.put("deposits/", {"deposits": [{**body, "s": b64(sold.secret)}]})

    assert answer.json() == {"deposits": [], "left": 0}
    released = keys.release(bought.id, private_keys=(NEW,), now=NOW)
    assert released is not None
    assert noor.open(bought, released.sealed) == sold.secret
    kept = bytes(PaidFile.objects.get(id=sold.file.id).s_sealed)
    maya.put("deposits/", {"deposits": [{**body, "s": b64(sold.secret)}]})  # twice
    assert bytes(PaidFile.objects.get(id=sold.file.id).s_sealed) == kept


def fill() -> dict[str, Any]:
    """A row in every column that lies under the field key, and what it opens into."""
    sold = sale.publish()
    maya = sold.file.creator
    payout = sale._payout(maya.id)
    vaults.keep(maya, vaults.Sealed(sealed_root=b"r" * 60, recovery_hash="ab" * 32), now=NOW)
    second_factors.offer(maya, now=NOW)
    rita = User.objects.create(username="rita", is_staff=True)
    staff_factors.offer(rita, now=NOW)
    webhook, secret = webhooks.add(maya, "https://merchant.example/kim", kinds=(), now=NOW)
    (code,) = codes.make(sold.file.id, codes.Making(percent=10), creator=maya, now=NOW)
    change = PayoutChange(creator=maya, due_at=NOW + timedelta(days=1))
    change.value = payout_changes._seal(change.id, XPUB)
    change.save()
    report = Report(paid_file=sold.file, reference="r", kind="fraud")
    report.sealed_key = at_rest.seal(b"k" * 32, bound=reports.bound_to(report.id))
    report.save()
    replays.begin(maya.id, "k", request=(b"",), now=NOW)
    replays.keep(maya.id, "k", replays.Answer(200, {"x": 1}))
    return {
        "payout": seals.unseal(payout),
        "webhook": secret,
        "maya": maya,
        "webhook_id": webhook.id,
        "code": code,
    }


def test_every_column_under_the_field_key_is_sealed_anew(settings: Settings) -> None:
    had = fill()
    keyring.note_field_key()
    settings.KIM_FIELD_KEY, settings.KIM_FIELD_KEYS_MORE = FIELD_NEW, (FIELD_OLD,)
    assert keyring.lost_field_key() == ""
    assert all(column.rows().exists() for column in sealed.FIELD)

    said = rotate("rotate_field_key")

    old_name = field_keys.fingerprint(FIELD_OLD)
    assert "9 of 9, 9 sealed anew" in said
    assert f"The key {old_name} may be taken out of KIM_FIELD_KEYS_MORE." in said
    settings.KIM_FIELD_KEYS_MORE = ()
    assert keyring.lost_field_key() == ""
    assert seals.unseal(Payout.objects.get()) == had["payout"]
    kept = vaults.of(had["maya"])
    assert kept is not None
    assert kept.sealed_root == b"r" * 60
    assert webhooks.open_secret(Webhook.objects.get()) == had["webhook"]
    assert payout_changes._unseal(PayoutChange.objects.get()) == XPUB
    assert codes._open(DiscountCode.objects.get())
    kept_report = Report.objects.get()
    opened = at_rest.unseal(bytes(kept_report.sealed_key), bound=reports.bound_to(kept_report.id))
    assert opened == b"k" * 32
    assert second_factors._open(SecondFactor.objects.get())
    assert staff_factors._open(StaffFactor.objects.get())
    again = replays.begin(had["maya"].id, "k", request=(b"",), now=NOW)
    assert again == replays.Answer(200, {"x": 1})
    assert KeptAnswer.objects.count() == Vault.objects.count() == 1


def test_a_foreign_field_key_is_refused_before_anything_serves(settings: Settings) -> None:
    fill()
    settings.KIM_FIELD_KEY = FIELD_NEW

    assert "does not open with KIM_FIELD_KEY" in keyring.lost_field_key()  # never noted before
    settings.KIM_FIELD_KEY = FIELD_OLD
    keyring.note_field_key()
    settings.KIM_FIELD_KEY = FIELD_NEW

    assert field_keys.fingerprint(FIELD_OLD) in keyring.lost_field_key()
    (said,) = checks.field_keys(None, databases=["default"])
    assert said.id == "kim.E003"
    assert checks.field_keys(None) == []  # not asked without a database
    with pytest.raises(CommandError, match=field_keys.fingerprint(FIELD_OLD)):
        rotate("rotate_field_key")
    with pytest.raises(InvalidTag):
        seals.unseal(Payout.objects.get())


def test_checking_writes_nothing(turned: Settings) -> None:
    before = bytes(sale.publish().file.s_sealed)

    said = rotate(check=True)

    assert "1 of 1, 1 would be sealed anew" in said
    assert bytes(PaidFile.objects.get().s_sealed) == before
    assert noted(Kind.INSTANCE) == {}
