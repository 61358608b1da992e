"""Two at once, on real row locks: completes, workers, drafts of one upload, names, invitations."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, TypeVar

import pytest
from django.contrib.auth import get_user_model
from django.db import connection, connections

from payments.amounts import Price, parse_price
from tests.unlock.creating import (
    NOW,
    begin,
    creator,
    seal,
    send_parts,
    store_parts,
    upload_whole,
)
from unlock import creators, files, uploads, verification
from unlock.creator_errors import ContainerTaken, SignupClosed, UsernameTaken
from unlock.models import Container, Copy, Creator, Invitation, PaidFile, Upload
from unlock.states import UploadState

if TYPE_CHECKING:
    from collections.abc import Callable

    from pytest_django.fixtures import Settings

    from unlock.storage import S3Store

T = TypeVar("T")
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.usefixtures("configured_store"),
]
AT_ONCE = 8


@pytest.fixture(autouse=True)
def _on_postgresql() -> None:
    assert connection.vendor == "postgresql", "run races through tests.postgres"


def at_once(act: Callable[[int], T], *, times: int = AT_ONCE) -> list[T | Exception]:
    """Run ``act(0)`` to ``act(times - 1)`` from one starting line; errors are answers."""
    start = threading.Barrier(times)

    def one(number: int) -> T | Exception:
        try:
            start.wait(timeout=30)
            return act(number)
        except Exception as error:  # noqa: BLE001 - the test looks at it
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(one, range(times)))


def price() -> Price:
    return parse_price("2.00", "EUR")


@pytest.mark.parametrize("attempt", range(3))
def test_of_many_completes_one_is_accepted(attempt: int) -> None:
    maya, sealed = creator(), seal()
    upload = begin(maya, sealed)
    send_parts(upload, sealed)

    answers = at_once(
        lambda _: uploads.complete(
            uploads.find(upload.id, creator=maya), content_id=sealed.content_id, now=NOW
        )
    )

    assert sorted(map(str, answers)) == ["False"] * (AT_ONCE - 1) + ["True"]
    kept = Upload.objects.get()
    assert (kept.state, kept.claimed_content_id) == (UploadState.COMPLETING, sealed.content_id)


@pytest.mark.parametrize("attempt", range(3))
def test_completing_and_giving_up_at_once_never_lose_an_accepted_upload(attempt: int) -> None:
    maya, sealed = creator(), seal()
    upload = begin(maya, sealed)
    send_parts(upload, sealed)

    def act(number: int) -> str:
        mine = uploads.find(upload.id, creator=maya)
        if number % 2:
            uploads.abort(mine, now=NOW)
            return "aborted"
        uploads.complete(mine, content_id=sealed.content_id, now=NOW)
        return "accepted"

    answers = at_once(act)

    upload.refresh_from_db()
    if "accepted" in answers:
        assert "aborted" not in answers
        assert store_parts(upload) == [1]
        assert verification.advance(upload.id, clock=lambda: NOW) == UploadState.VERIFIED
    else:
        assert "aborted" in answers
        assert upload.state == UploadState.ABORTED


def test_of_many_workers_one_checks_and_all_agree(store: S3Store) -> None:
    upload = upload_whole(creator(), seal(b"x" * 1_000_000))

    answers = at_once(lambda _: verification.advance(upload.id, clock=lambda: NOW))

    assert set(answers) <= {UploadState.VERIFIED, None}
    assert UploadState.VERIFIED in answers
    assert Upload.objects.get().state == UploadState.VERIFIED
    assert Copy.objects.get().etag == store.head(upload.copy.object_key).etag


def test_of_many_beginnings_of_one_container_there_is_one_upload() -> None:
    maya, sealed = creator(), seal()

    answers = at_once(lambda _: begin(maya, sealed).id)

    assert len(set(answers)) == 1
    assert Container.objects.count() == Upload.objects.count() == 1
    assert answers[0] == Upload.objects.get().id


def test_of_many_drafts_of_one_upload_one_gets_it() -> None:
    maya = creator()
    upload = begin(maya, seal())

    answers = at_once(
        lambda number: files.create(
            maya,
            files.Draft(title=f"take {number}", price=price(), upload=upload.id),
            now=NOW,
        )
    )

    assert sum(isinstance(answer, PaidFile) for answer in answers) == 1
    assert sum(isinstance(answer, ContainerTaken) for answer in answers) == AT_ONCE - 1
    assert PaidFile.objects.count() == 1


def test_a_name_is_given_away_once_however_many_ask() -> None:
    asked = creators.SignUp(username="maya", salt=b"s" * 16, derived=b"d" * 32)

    answers = at_once(lambda _: creators.sign_up(asked, now=NOW))

    assert sum(isinstance(answer, Creator) for answer in answers) == 1
    assert sum(isinstance(answer, UsernameTaken) for answer in answers) == AT_ONCE - 1
    assert get_user_model().objects.count() == 1


def test_an_invitation_lets_one_in_however_many_use_it(settings: Settings) -> None:
    settings.KIM_SIGNUP = "invite"
    Invitation.objects.create(code_hash=creators.hash_invitation("code"))

    answers = at_once(
        lambda number: creators.sign_up(
            creators.SignUp(
                username=f"maya-{number}", salt=b"s" * 16, derived=b"d" * 32, invitation="code"
            ),
            now=NOW,
        )
    )

    assert sum(isinstance(answer, Creator) for answer in answers) == 1
    assert sum(isinstance(answer, SignupClosed) for answer in answers) == AT_ONCE - 1
    assert get_user_model().objects.count() == Creator.objects.count() == 1
