"""Paid files: what a creator may say of them, and what must be true before they are sold."""

from __future__ import annotations

import os
from dataclasses import replace
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.utils import timezone

from payments import addresses, payouts
from payments.amounts import Price
from payments.errors import PayoutMissing, PriceBelowFloor
from payments.states import Network
from tests.stores import free_ports
from tests.unlock.creating import NOW, Sealed, begin, creator, seal, upload_whole, verified_upload
from tests.unlock.sale import INSTANCE_PRIVATE, Buyer, Sold
from unlock import container, files, keys, offers, purchases, uploads
from unlock.creator_errors import (
    ContainerTaken,
    FileMissing,
    LinkSecretInText,
    MoveRefused,
    SecretMismatch,
    SecretMissing,
    SelftestMissing,
    TextInvalid,
    UploadClosed,
    UploadMissing,
    UploadNotVerified,
)
from unlock.errors import CopiesDamaged, CopyUnavailable
from unlock.models import Copy, KeyRelease, PaidFile, Purchase, Upload
from unlock.states import FileState

if TYPE_CHECKING:
    from collections.abc import Callable
    from uuid import UUID

    from pytest_django.fixtures import Settings

    from unlock.models import Creator
    from unlock.storage import S3Store

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("configured_store")]

TWO_EURO = Price(Decimal("2.00"), "EUR")
ADDRESS = addresses.encode(
    bytes.fromhex("76a914") + b"\x11" * 20 + bytes.fromhex("88ac"), Network.REGTEST
)


@pytest.fixture
def maya() -> Creator:
    return creator("maya")


def draft(owner: Creator, **changes: object) -> PaidFile:
    said = {"title": "Nine recordings", "price": TWO_EURO, **changes}
    return files.create(owner, files.Draft(**said), now=NOW)  # type: ignore[arg-type]


def deposit_of(sealed: Sealed, **changes: object) -> files.Deposit:
    given = {
        "content_id": sealed.content_id,
        "generation": 0,
        "wrapped_key": sealed.packed.wrapped_key,
        "h_s": sealed.h_s,
        "release_secret": sealed.secrets.release_secret,
        **changes,
    }
    return files.Deposit(**given)  # type: ignore[arg-type]


def ready(owner: Creator) -> tuple[PaidFile, Sealed]:
    """A draft that lacks nothing but the self-test."""
    sealed = seal(os.urandom(1000))
    file = draft(owner, upload=verified_upload(owner, sealed).id)
    files.deposit(file.id, deposit_of(sealed), creator=owner)
    payouts.set_current(owner.id, ADDRESS, now=NOW)
    file.refresh_from_db()
    return file, sealed


def run_selftest(file: PaidFile, sealed: Sealed) -> UUID:
    """The buyer's path, as the creator's page runs it: order, release, fetch, open."""
    tester = Buyer()
    order = tester.order(Sold(file, sealed.secrets.release_secret))
    made = purchases.begin_selftest(order, creator_id=file.creator_id, now=NOW)
    keys.release(made.id, private_keys=INSTANCE_PRIVATE, now=NOW)
    released = keys.read(made.id, now=NOW)
    assert released is not None
    assert tester.open(made, released.sealed) == sealed.secrets.release_secret
    return made.id


def publish(file: PaidFile, selftest: UUID) -> PaidFile:
    return files.publish(
        file.id,
        creator=file.creator,
        is_tested=lambda row: purchases.passed_selftest(row, selftest),
        now=NOW,
    )


def published(owner: Creator) -> PaidFile:
    file, sealed = ready(owner)
    publish(file, run_selftest(file, sealed))
    return files.find(file.id)


# --- drafts -------------------------------------------------------------------------------------


def test_a_draft_keeps_what_was_said_cleaned(maya: Creator) -> None:
    file = draft(maya, title="  Nine  recordings ", description="one\r\ntwo", confirmations=2)

    kept = files.find(file.id)
    assert (kept.title, kept.description, kept.confirmations) == (
        "Nine recordings",
        "one\ntwo",
        2,
    )
    assert files.price_of(kept) == TWO_EURO
    assert kept.state == FileState.DRAFT


def test_a_link_secret_in_a_text_makes_and_changes_nothing(maya: Creator) -> None:
    link = f"#1.{container.encode_b64url(os.urandom(16))}"
    file = draft(maya)

    with pytest.raises(LinkSecretInText):
        draft(maya, title=f"mine {link}")
    with pytest.raises(LinkSecretInText):
        files.edit(file.id, files.Draft(description=link), creator=maya, now=NOW)

    assert PaidFile.objects.count() == 1
    assert files.find(file.id).description == ""


def test_a_file_without_a_title_is_not_made(maya: Creator) -> None:
    with pytest.raises(TextInvalid):
        files.create(maya, files.Draft(price=TWO_EURO), now=NOW)

    assert not PaidFile.objects.exists()


def test_an_upload_belongs_to_one_file(maya: Creator) -> None:
    upload = begin(maya, seal())
    draft(maya, upload=upload.id)

    with pytest.raises(ContainerTaken):
        draft(maya, upload=upload.id)

    assert PaidFile.objects.count() == 1


def test_an_upload_of_another_creator_is_not_there(maya: Creator) -> None:
    theirs = begin(creator("eve"), seal())

    with pytest.raises(UploadMissing):
        draft(maya, upload=theirs.id)


def test_an_upload_that_was_given_up_is_no_content(maya: Creator) -> None:
    upload = begin(maya, seal())
    uploads.abort(upload, now=NOW)

    with pytest.raises(UploadClosed):
        draft(maya, upload=upload.id)


def test_a_file_of_another_creator_cannot_be_found_or_changed(maya: Creator) -> None:
    file, eve = draft(maya), creator("eve")

    for attempt in (
        lambda: files.find(file.id, creator=eve),
        lambda: files.edit(file.id, files.Draft(title="Eve's"), creator=eve, now=NOW),
        lambda: files.pause(file.id, creator=eve),
        lambda: files.remove(file.id, creator=eve, now=NOW),
        lambda: files.delete(file.id, creator=eve, now=NOW),
        lambda: files.deposit(file.id, deposit_of(seal()), creator=eve),
    ):
        with pytest.raises(FileMissing):
            attempt()

    assert files.find(file.id).title == "Nine recordings"


def test_a_draft_is_deleted_with_its_selftests_and_its_content_is_free_again(
    maya: Creator,
) -> None:
    file, sealed = ready(maya)
    run_selftest(file, sealed)

    files.delete(file.id, creator=maya, now=NOW)

    assert not PaidFile.objects.exists()
    assert not Purchase.objects.exists()
    draft(maya, upload=Upload.objects.get().id)


# --- the deposit --------------------------------------------------------------------------------


def test_the_secret_is_kept_sealed_to_the_instance_and_bound_to_file_and_content(
    maya: Creator,
) -> None:
    sealed = seal()
    file = draft(maya, upload=upload_whole(maya, sealed).id)

    files.deposit(file.id, deposit_of(sealed), creator=maya)

    file.refresh_from_db()
    assert sealed.secrets.release_secret not in bytes(file.s_sealed)
    assert len(file.s_sealed) == container.SEALED_BYTES
    opened = container.open_deposit(
        INSTANCE_PRIVATE,
        bytes(file.s_sealed),
        paid_file=file.id,
        content_id=sealed.packed.content_id,
    )
    assert opened == sealed.secrets.release_secret
    assert (file.h_s, bytes(file.wrapped_key)) == (sealed.h_s, sealed.packed.wrapped_key)


def test_a_secret_that_does_not_fit_its_commitment_is_refused(maya: Creator) -> None:
    sealed = seal()
    file = draft(maya, upload=upload_whole(maya, sealed).id)

    with pytest.raises(SecretMismatch):
        files.deposit(file.id, deposit_of(sealed, h_s="0" * 64), creator=maya)

    file.refresh_from_db()
    assert (file.h_s, bytes(file.s_sealed)) == ("", b"")


def test_a_secret_for_other_content_is_refused(maya: Creator) -> None:
    sealed = seal()
    file = draft(maya, upload=upload_whole(maya, sealed).id)

    with pytest.raises(SecretMismatch):
        files.deposit(file.id, deposit_of(sealed, content_id="0" * 64), creator=maya)

    file.refresh_from_db()
    assert bytes(file.s_sealed) == b""


def test_new_content_in_a_draft_drops_the_old_deposit(maya: Creator) -> None:
    file, _ = ready(maya)

    files.edit(file.id, files.Draft(upload=upload_whole(maya, seal()).id), creator=maya, now=NOW)

    file.refresh_from_db()
    assert (file.h_s, bytes(file.s_sealed), bytes(file.wrapped_key)) == ("", b"", b"")


def test_after_publishing_the_key_stays_and_repeating_it_is_no_error(maya: Creator) -> None:
    file, sealed = ready(maya)
    publish(file, run_selftest(file, sealed))
    before = files.find(file.id)
    other_secret = os.urandom(32)
    other = deposit_of(
        sealed,
        release_secret=other_secret,
        h_s=container.hash_commitment(other_secret).hex(),
    )

    files.deposit(file.id, deposit_of(sealed), creator=maya)
    with pytest.raises(MoveRefused):
        files.deposit(file.id, other, creator=maya)

    after = files.find(file.id)
    assert bytes(after.s_sealed) == bytes(before.s_sealed)
    assert after.h_s == sealed.h_s


def test_a_deposit_never_shows_its_secret() -> None:
    sealed = seal()

    shown = repr(deposit_of(sealed))

    assert repr(sealed.secrets.release_secret) not in shown
    assert sealed.secrets.release_secret.hex() not in shown


# --- publishing ---------------------------------------------------------------------------------


def test_a_file_with_all_it_needs_is_published(maya: Creator) -> None:
    file, sealed = ready(maya)

    done = publish(file, run_selftest(file, sealed))

    assert (done.state, done.published_at) == (FileState.PUBLISHED, NOW)


def test_publishing_twice_is_no_error(maya: Creator) -> None:
    file, sealed = ready(maya)
    selftest = run_selftest(file, sealed)

    publish(file, selftest)

    assert publish(file, selftest).state == FileState.PUBLISHED


def refuse(file: PaidFile, error: type[Exception], selftest: UUID) -> None:
    with pytest.raises(error):
        publish(file, selftest)
    file.refresh_from_db()
    assert (file.state, file.published_at) == (FileState.DRAFT, None)


def test_a_file_whose_bytes_were_not_checked_is_not_published(maya: Creator) -> None:
    sealed = seal()
    file = draft(maya, upload=upload_whole(maya, sealed).id)
    files.deposit(file.id, deposit_of(sealed), creator=maya)
    payouts.set_current(maya.id, ADDRESS, now=NOW)

    refuse(file, UploadNotVerified, file.id)


def test_a_file_without_content_is_not_published(maya: Creator) -> None:
    file = draft(maya)

    refuse(file, UploadNotVerified, file.id)


def test_a_file_without_its_key_is_not_published(maya: Creator) -> None:
    file = draft(maya, upload=verified_upload(maya, seal()).id)

    refuse(file, SecretMissing, file.id)


def test_a_file_is_not_published_while_nobody_knows_where_the_money_goes(maya: Creator) -> None:
    sealed = seal()
    file = draft(maya, upload=verified_upload(maya, sealed).id)
    files.deposit(file.id, deposit_of(sealed), creator=maya)

    refuse(file, PayoutMissing, run_selftest(file, sealed))


def test_a_price_below_the_floor_is_not_published_and_the_floor_is(maya: Creator) -> None:
    file, sealed = ready(maya)
    selftest = run_selftest(file, sealed)
    low, floor = Price(Decimal("0.00001999"), "BCH"), Price(Decimal("0.00002000"), "BCH")

    files.edit(file.id, files.Draft(price=low), creator=maya, now=NOW)
    refuse(file, PriceBelowFloor, selftest)

    files.edit(file.id, files.Draft(price=floor), creator=maya, now=NOW)
    assert publish(file, selftest).state == FileState.PUBLISHED


def test_a_file_is_not_published_without_a_selftest_of_this_very_content(maya: Creator) -> None:
    file, sealed = ready(maya)
    other, other_sealed = ready(maya)
    foreign = run_selftest(other, other_sealed)
    unfetched = purchases.begin_selftest(
        Buyer().order(Sold(file, b"")), creator_id=maya.id, now=NOW
    )
    keys.release(unfetched.id, private_keys=INSTANCE_PRIVATE, now=NOW)

    refuse(file, SelftestMissing, file.id)
    refuse(file, SelftestMissing, foreign)
    refuse(file, SelftestMissing, unfetched.id)

    earlier = run_selftest(file, sealed)
    again = replace(sealed, packed=replace(sealed.packed, wrapped_key=b"W" * 60))
    other_secret = os.urandom(32)
    changed = deposit_of(
        again, release_secret=other_secret, h_s=container.hash_commitment(other_secret).hex()
    )
    files.deposit(file.id, changed, creator=maya)
    refuse(file, SelftestMissing, earlier)


# --- being for sale -----------------------------------------------------------------------------


def test_a_published_file_is_paused_resumed_and_removed(maya: Creator) -> None:
    file = published(maya)

    assert files.pause(file.id, creator=maya).state == FileState.PAUSED
    assert files.pause(file.id, creator=maya).state == FileState.PAUSED
    assert files.resume(file.id, creator=maya, now=NOW).state == FileState.PUBLISHED
    assert files.remove(file.id, creator=maya, now=NOW).state == FileState.REMOVED
    attempts: tuple[Callable[[], object], ...] = (
        lambda: files.pause(file.id, creator=maya),
        lambda: files.resume(file.id, creator=maya, now=NOW),
        lambda: publish(file, file.id),
        lambda: files.edit(file.id, files.Draft(title="back"), creator=maya, now=NOW),
    )
    for attempt in attempts:
        with pytest.raises(MoveRefused):
            attempt()
    assert files.find(file.id).state == FileState.REMOVED


def test_a_draft_is_not_paused_and_not_resumed(maya: Creator) -> None:
    file, _ = ready(maya)

    with pytest.raises(MoveRefused):
        files.pause(file.id, creator=maya)
    with pytest.raises(MoveRefused):
        files.resume(file.id, creator=maya, now=NOW)

    assert files.find(file.id).state == FileState.DRAFT


def test_a_published_files_price_stays_above_the_floor_and_its_content_stays(
    maya: Creator,
) -> None:
    file = published(maya)

    with pytest.raises(PriceBelowFloor):
        files.edit(
            file.id, files.Draft(price=Price(Decimal("0.00000001"), "BCH")), creator=maya, now=NOW
        )
    with pytest.raises(MoveRefused):
        files.edit(
            file.id, files.Draft(upload=upload_whole(maya, seal()).id), creator=maya, now=NOW
        )
    files.edit(file.id, files.Draft(title="Ten recordings"), creator=maya, now=NOW)

    kept = files.find(file.id)
    assert files.price_of(kept) == TWO_EURO
    assert kept.container_id == file.container_id
    assert kept.title == "Ten recordings"


# --- what anybody sees --------------------------------------------------------------------------


def test_an_offer_names_everything_that_is_sold_and_nothing_that_opens_it(maya: Creator) -> None:
    file = published(maya)

    offer = offers.of(file, now=timezone.now())

    assert file.container is not None
    assert offer.content_id == file.container.content_id
    assert (offer.size_bytes, offer.payload_bytes) == (file.container.size_bytes, 1000)
    assert (offer.payout_kind, offer.floor_sat) == ("address", 2000)
    assert offer.price_sat_estimate is not None
    assert offer.rate_missing is False
    assert len(offer.copies) == 1
    assert not hasattr(offer, "s_sealed")


def test_a_removed_file_loses_its_words_for_all_but_its_creator(maya: Creator) -> None:
    file = published(maya)
    removed = files.remove(file.id, creator=maya, now=NOW)

    assert offers.of(removed, now=NOW).title == ""
    assert offers.of_own(removed, now=NOW).title == "Nine recordings"


def test_a_currency_without_a_rate_is_said_and_not_guessed(maya: Creator) -> None:
    file = draft(maya, price=Price(Decimal(2), "XTS"))

    offer = offers.of(files.find(file.id), now=NOW)

    assert (offer.price_sat_estimate, offer.rate_missing) == (None, True)


def test_a_passed_selftest_is_among_a_files_checks_and_is_no_sale(maya: Creator) -> None:
    file, sealed = ready(maya)
    assert offers.sales_of(file).has_selftest is False

    run_selftest(file, sealed)

    sales = offers.sales_of(file)
    assert (sales.count, sales.income_sat, sales.has_selftest) == (0, 0, True)
    assert sales.is_address_proven is False
    assert KeyRelease.objects.count() == 1


def test_saying_the_same_upload_again_keeps_the_deposit(maya: Creator) -> None:
    file, sealed = ready(maya)

    files.edit(file.id, files.Draft(upload=Upload.objects.get().id), creator=maya, now=NOW)

    file.refresh_from_db()
    assert file.h_s == sealed.h_s


def test_a_copy_that_is_gone_is_marked_and_one_that_cannot_be_asked_is_not(
    maya: Creator, store: S3Store, settings: Settings
) -> None:
    file = published(maya)
    copy = Copy.objects.get()
    dead = f"http://127.0.0.1:{free_ports(1)[0]}"

    settings.KIM_STORES = (replace(store.config, endpoint=dead),)  # type: ignore[type-var]
    with pytest.raises(CopyUnavailable):
        offers.sign_ranges(file, now=NOW)
    copy.refresh_from_db()
    assert copy.damaged_at is None

    settings.KIM_STORES = (store.config,)
    store.delete(copy.object_key)
    with pytest.raises(CopiesDamaged):
        offers.sign_ranges(file, now=NOW)
    copy.refresh_from_db()
    assert copy.damaged_at == NOW


def test_a_copy_that_was_replaced_is_marked_and_not_served(maya: Creator) -> None:
    file = published(maya)
    Copy.objects.update(etag="somebody-else-1")

    with pytest.raises(CopiesDamaged):
        offers.sign_ranges(file, now=NOW)

    assert Copy.objects.get().damaged_at == NOW
