"""How much is stored, and who may come in: refused as an upload begins, and nothing is left behind."""

from __future__ import annotations

import pytest
from pytest_django.fixtures import Settings

from tests.unlock.creating import NOW, begin, creator, seal
from unlock import creators, quotas, uploads
from unlock.creator_errors import SignupClosed
from unlock.models import AuditEntry, Container, Creator, Invitation, InvitationUse, Quota, Upload
from unlock.moderation_errors import QuotaReached
from unlock.states import UploadState

pytestmark = pytest.mark.django_db


def counts() -> tuple[int, int]:
    return Container.objects.count(), Upload.objects.count()


@pytest.mark.usefixtures("configured_store")
def test_a_creator_stores_as_many_files_as_allowed_and_what_was_given_up_counts_no_more(
    settings: Settings,
) -> None:
    settings.KIM_CREATOR_MAX_FILES = 2
    maya, eve = creator("maya"), creator("eve")
    first, _ = begin(maya, seal()), begin(maya, seal())

    with pytest.raises(QuotaReached, match="You store 2 of 2 files already"):
        begin(maya, seal())

    assert counts() == (2, 2)
    begin(eve, seal())
    uploads.abort(first, now=NOW)
    begin(maya, seal())
    assert Upload.objects.filter(creator=maya, state=UploadState.OPEN).count() == 2


@pytest.mark.usefixtures("configured_store")
def test_bytes_count_as_they_are_stored_and_the_last_one_fits_exactly(settings: Settings) -> None:
    small = seal()
    settings.KIM_CREATOR_MAX_BYTES = 2 * len(small.body)
    maya = creator("maya")
    begin(maya, small)
    begin(maya, seal())

    with pytest.raises(QuotaReached):
        begin(maya, seal())

    assert counts() == (2, 2)
    # The same upload again is the same upload.
    assert begin(maya, small).container.size_bytes == len(small.body)


@pytest.mark.usefixtures("configured_store")
def test_the_whole_site_may_be_full(settings: Settings) -> None:
    settings.KIM_INSTANCE_MAX_FILES = 1
    begin(creator("maya"), seal())

    with pytest.raises(QuotaReached, match="This site is full"):
        begin(creator("eve"), seal())

    assert counts() == (1, 1)


@pytest.mark.usefixtures("configured_store")
def test_one_creator_gets_more_or_less_than_the_others(settings: Settings) -> None:
    settings.KIM_CREATOR_MAX_FILES = 1
    maya, eve = creator("maya"), creator("eve")
    quotas.allow(maya, quotas.Allowance.parse(" ", "2"), who="olga", now=NOW)
    quotas.allow(eve, quotas.Allowance.parse("10", ""), who="olga", now=NOW)

    begin(maya, seal())
    begin(maya, seal())
    for refused in (maya, eve):
        with pytest.raises(QuotaReached):
            begin(refused, seal())

    assert counts() == (2, 2)
    entry = AuditEntry.objects.get(subject_id=str(eve.pk))
    assert (entry.who, entry.action, entry.reason) == (
        "olga", "quota", "max_bytes: 10, max_files: as the settings say",
    )  # fmt: skip
    quotas.allow(maya, quotas.Allowance(None, 0), who="olga", now=NOW)
    begin(maya, seal())
    assert Quota.objects.count() == 2


@pytest.mark.parametrize("typed", ["x", "-1", "1.5", "٣", "9" * 16])
def test_what_is_no_number_is_no_allowance(typed: str) -> None:
    with pytest.raises(ValueError, match=typed):
        quotas.Allowance.parse(typed, "")


def sign_up(name: str, code: str) -> Creator:
    asked = creators.SignUp(username=name, salt=b"s" * 16, derived=b"d" * 32, invitation=code)
    return creators.sign_up(asked, now=NOW)


def test_an_invitation_lets_in_as_many_as_it_says_and_who_came_is_known(settings: Settings) -> None:
    settings.KIM_SIGNUP = "invite"
    code = creators.new_code()
    row = Invitation.objects.create(code_hash=creators.hash_invitation(code), most=2)

    first, second = sign_up("first", code), sign_up("second", code)
    with pytest.raises(SignupClosed):
        sign_up("third", code)

    assert [use.creator for use in InvitationUse.objects.order_by("pk")] == [first, second]
    row.refresh_from_db()
    assert row.used_by == first
    assert Creator.objects.count() == 2


def test_a_closed_site_takes_nobody_with_an_invitation_either(settings: Settings) -> None:
    settings.KIM_SIGNUP = "closed"
    code = creators.new_code()
    Invitation.objects.create(code_hash=creators.hash_invitation(code), most=9)

    with pytest.raises(SignupClosed):
        sign_up("first", code)

    assert (Creator.objects.count(), InvitationUse.objects.count()) == (0, 0)
