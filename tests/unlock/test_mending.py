"""Copies in several stores: brought, re-hashed, mended; never served before every byte was compared."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

import pytest
from django.conf import settings as configured
from django.utils import timezone

from kim import metrics
from payments.amounts import Price
from tests.stores import ORIGIN, free_ports, send
from tests.unlock import creating
from tests.unlock.creating import NOW, Sealed
from unlock import container, copies, files, limits, losses, mending, offers, storage
from unlock.errors import StoreUnavailable
from unlock.models import Container, Copy, Notice
from unlock.states import NoticeKind
from unlock.storage import S3Store

if TYPE_CHECKING:
    from datetime import datetime

    from pytest_django.fixtures import Settings

    from kim.env import StoreConfig

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="session")
def second_store(store_config: StoreConfig) -> S3Store:
    """Another bucket of the same server: to us, another store."""
    made = S3Store(replace(store_config, name="second", bucket="kim-second"))
    made.ensure_bucket([ORIGIN])
    return made


@pytest.fixture
def two(configured_store: S3Store, second_store: S3Store, settings: Settings) -> S3Store:
    """Two stores, two copies wished; the second is returned."""
    settings.KIM_STORES = (configured_store.config, second_store.config)
    settings.KIM_COPIES = 2
    settings.KIM_REHASH_MBIT = 100_000
    return second_store


def uploaded(payload: bytes = b"nine recordings") -> Sealed:
    sealed = creating.seal(payload)
    creating.verified_upload(creating.creator(), sealed)
    return sealed


def tend_all(now: datetime = NOW) -> int:
    """Everything that is due, as the worker goes from one to the next."""
    done = 0
    while found := mending.due(now=now):
        mending.tend(found[0], clock=lambda: now)
        done += 1
        assert done < 10
    return done


def in_store(name: str) -> Copy:
    return Copy.objects.get(store=name)


def body_of(copy: Copy) -> bytes:
    store = storage.get(copy.store)
    return store.read_range(copy.object_key, offset=0, size_bytes=copy.size_bytes, etag=copy.etag)


def spoil(copy: Copy, *, keep_etag: bool) -> None:
    """Other bytes under the same key; the row may name their ETag, as rotten bits would keep it."""
    body = bytearray(body_of(copy))
    body[300_000] ^= 1
    storage.get(copy.store).put(copy.object_key, bytes(body))
    if keep_etag:
        etag = storage.get(copy.store).head(copy.object_key).etag
        Copy.objects.filter(id=copy.id).update(etag=etag)


def test_a_verified_container_is_brought_to_as_many_stores_as_wished(two: S3Store) -> None:
    sealed = uploaded(os.urandom(600_000))

    assert mending.plan(now=NOW) == 1
    assert in_store("second").verified_at is None
    assert mending.plan(now=NOW) == 0
    assert tend_all() == 1

    made = in_store("second")
    assert body_of(made) == sealed.body
    assert (made.verified_at, made.checked_at, made.wanted_at) == (NOW, NOW, None)
    served = copies.served(made.container_id, now=NOW)
    assert [copy.store for copy, _ in served] == ["test", "second"]


def test_one_copy_is_enough_unless_more_are_wished(two: S3Store, settings: Settings) -> None:
    settings.KIM_COPIES = 1
    uploaded()

    assert mending.plan(now=NOW) == 0
    assert Copy.objects.count() == 1


def test_an_upload_that_is_not_verified_goes_nowhere(two: S3Store) -> None:
    creating.upload_whole(creating.creator(), creating.seal())

    assert mending.plan(now=NOW) == 0


def test_a_store_that_is_away_harms_nothing_and_is_tried_again(
    two: S3Store, settings: Settings
) -> None:
    uploaded()
    dead = f"http://127.0.0.1:{free_ports(1)[0]}"
    alive = settings.KIM_STORES
    settings.KIM_STORES = (alive[0], replace(two.config, endpoint=dead))  # type: ignore[type-var]
    mending.plan(now=NOW)

    assert tend_all() == 1

    assert in_store("second").wanted_at == NOW + mending.RETRY
    first = in_store("test")
    assert (first.damaged_at, first.wanted_at) == (None, None)
    served = list(copies.served(first.container_id, now=NOW))
    assert [copy.store for copy, _ in served] == ["test"]
    settings.KIM_STORES = alive
    assert tend_all(NOW + mending.RETRY) == 1
    assert in_store("second").verified_at == NOW + mending.RETRY


def test_a_transfer_that_broke_off_goes_on_with_the_parts_that_are_there(
    two: S3Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(limits, "part_bytes_for", lambda size_bytes: 5 * limits.MIB)
    sealed = uploaded(os.urandom(11 * limits.MIB))
    mending.plan(now=NOW)
    sent: list[int] = []
    put_part = S3Store.put_part

    def counted(store: S3Store, key: str, transfer: str, *, number: int, data: bytes) -> None:
        if number == 3 and sent.count(3) == 0:
            sent.append(3)
            raise StoreUnavailable("The line broke.")
        sent.append(number)
        put_part(store, key, transfer, number=number, data=data)

    monkeypatch.setattr(S3Store, "put_part", counted)

    tend_all()
    assert in_store("second").verified_at is None
    tend_all(NOW + mending.RETRY)

    assert sent == [1, 2, 3, 3]
    assert body_of(in_store("second")) == sealed.body


def test_two_workers_never_do_one_copy_twice(two: S3Store) -> None:
    uploaded()
    mending.plan(now=NOW)
    (copy_id,) = mending.due(now=NOW)
    Copy.objects.filter(id=copy_id).update(wanted_at=NOW + copies.LEASE)  # the other one's lease

    mending.tend(copy_id, clock=lambda: NOW)

    assert in_store("second").etag == ""
    assert mending.due(now=NOW) == []
    assert mending.is_busy(now=NOW)
    assert mending.due(now=NOW + copies.LEASE) == [copy_id]


def test_who_lost_the_lease_changes_nothing(two: S3Store, monkeypatch: pytest.MonkeyPatch) -> None:
    uploaded()
    mending.plan(now=NOW)
    later = NOW + timedelta(hours=1)
    complete = S3Store.complete

    def slow(store: S3Store, *arguments: object) -> None:
        Copy.objects.filter(store="second").update(wanted_at=later)
        complete(store, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(S3Store, "complete", slow)

    mending.tend(in_store("second").id, clock=lambda: NOW)

    assert (in_store("second").verified_at, in_store("second").wanted_at) == (None, later)


def test_bits_that_rotted_are_found_marked_and_mended(two: S3Store) -> None:
    sealed = uploaded(os.urandom(600_000))
    mending.plan(now=NOW)
    tend_all()
    spoil(in_store("test"), keep_etag=True)
    month = NOW + timedelta(days=configured.KIM_REHASH_DAYS, seconds=1)

    assert mending.want_rehash(now=month - timedelta(days=1)) == 0
    assert mending.want_rehash(now=month) == 1
    (first,) = mending.due(now=month)
    assert first == in_store("test").id
    mending.tend(first, clock=lambda: month)
    rotten = in_store("test")
    assert (rotten.verified_at, rotten.damaged_at, rotten.etag) == (None, month, "")
    served = copies.served(rotten.container_id, now=month)
    assert [copy.store for copy, _ in served] == ["second"]
    assert Container.objects.get().verified_at == NOW

    tend_all(month)

    healed = in_store("test")
    assert (healed.verified_at, healed.damaged_at, healed.wanted_at) == (month, None, None)
    assert body_of(healed) == sealed.body


def test_a_copy_that_is_gone_is_mended_from_the_other(two: S3Store) -> None:
    sealed = uploaded()
    mending.plan(now=NOW)
    tend_all()
    gone = in_store("test")
    storage.get("test").delete(gone.object_key)

    served = list(copies.served(gone.container_id, now=NOW))

    assert [copy.store for copy, _ in served] == ["second"]
    assert in_store("test").damaged_at == NOW
    tend_all()
    assert in_store("test").damaged_at is None
    assert body_of(in_store("test")) == sealed.body


def test_the_last_good_copy_is_not_given_up_in_silence(
    two: S3Store, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    settings.KIM_COPIES = 1
    uploaded(os.urandom(600_000))
    spoil(in_store("test"), keep_etag=True)
    copies.want([in_store("test").id], now=NOW)

    mending.tend(in_store("test").id, clock=lambda: NOW)

    assert "no good copy is left" in caplog.text
    tend_all()  # nothing to mend it from: it waits, and does not spin
    assert in_store("test").wanted_at == NOW + mending.RETRY


def test_a_loss_is_told_once_when_it_begins_and_again_when_it_comes_back(
    two: S3Store, settings: Settings
) -> None:
    maya, other = creating.creator(), creating.creator("ada")
    sealed = creating.seal(os.urandom(600_000))
    for owner in (maya, other):
        upload = creating.verified_upload(owner, sealed if owner == maya else creating.seal())
        price = Price(Decimal("0.01"), "BCH")
        files.create(owner, files.Draft(title="Nine", price=price, upload=upload.id), now=NOW)
    mending.plan(now=NOW)
    tend_all()
    first, second = Copy.objects.filter(container__core_header=sealed.body[:128]).order_by("store")

    def look(minutes: int) -> int:
        return losses.tell(now=NOW + timedelta(minutes=minutes))

    def lose(copy: Copy) -> None:
        Copy.objects.filter(id=copy.id).update(damaged_at=NOW)

    def bring_back(copy: Copy) -> None:
        Copy.objects.filter(id=copy.id).update(damaged_at=None)

    lose(first)
    assert (look(0), losses.lost().count()) == (0, 0)  # the other is good
    lose(second)
    assert (look(1), look(2), losses.lost().count()) == (1, 0, 1)
    assert "kim_contents_lost 1" in metrics.text(now=NOW)
    [told] = Notice.objects.all()
    assert (told.creator, told.kind) == (maya, NoticeKind.COPIES_LOST)
    assert told.text.startswith(
        "Every stored copy of “Nine” is damaged or gone: nobody can load it."
    )
    bring_back(first)
    assert (look(10), losses.lost().count()) == (0, 0)
    lose(first)
    assert (look(20), Notice.objects.count()) == (0, 1)  # within an hour it is the same one
    bring_back(first)
    look(30)
    lose(first)
    assert (look(300), Notice.objects.count()) == (1, 2)


def test_the_same_bytes_are_signed_in_every_copy(two: S3Store) -> None:
    maya, sealed = creating.creator(), creating.seal(os.urandom(600_000))
    upload = creating.verified_upload(maya, sealed)
    asked = files.Draft(title="Nine", price=Price(Decimal("0.01"), "BCH"), upload=upload.id)
    file = files.find(files.create(maya, asked, now=NOW).id)
    mending.plan(now=NOW)
    tend_all()

    signed = offers.sign_ranges(file, segments=[0, 1], now=timezone.now())

    core = container.CoreHeader.parse(sealed.body[: container.CORE_BYTES])
    (run,) = signed.segments
    for stretch, offset in ((signed.index, core.index_offset), (run.stretch, core.header_bytes)):
        (other,) = stretch.others
        assert other != stretch.signed.url
        wanted = sealed.body[offset : offset + stretch.signed.size_bytes]
        for url in (stretch.signed.url, other):
            answer = send(replace(stretch.signed, url=url), "GET")
            assert (answer.status, answer.body) == (206, wanted)


def test_a_copy_made_of_rotten_bytes_is_never_served_and_its_source_is_looked_at(
    two: S3Store,
) -> None:
    uploaded(os.urandom(600_000))
    spoil(in_store("test"), keep_etag=True)
    mending.plan(now=NOW)

    mending.tend(in_store("second").id, clock=lambda: NOW)

    made = in_store("second")
    assert (made.verified_at, made.damaged_at, made.wanted_at) == (None, NOW, NOW + mending.RETRY)
    assert in_store("test").wanted_at == NOW


def test_a_read_only_store_is_read_and_never_written(two: S3Store, settings: Settings) -> None:
    first = settings.KIM_STORES[0]
    settings.KIM_COPIES = 1
    uploaded()
    settings.KIM_STORES = (two.config, replace(first, is_read_only=True))

    assert mending.plan(now=NOW) == 0
    Copy.objects.update(damaged_at=NOW)  # and then it is lost there
    storage.get("test").delete(in_store("test").object_key)
    copies.want([in_store("test").id], now=NOW)
    mending.tend(in_store("test").id, clock=lambda: NOW)

    assert in_store("test").wanted_at is None
    assert mending.plan(now=NOW) == 1  # a place elsewhere is named; there is no source any more


def test_old_copies_come_one_after_another_the_oldest_first(two: S3Store) -> None:
    uploaded()
    mending.plan(now=NOW)
    tend_all()
    Copy.objects.filter(store="second").update(checked_at=NOW - timedelta(days=2))
    later = NOW + timedelta(days=configured.KIM_REHASH_DAYS + 1)

    assert mending.want_rehash(now=later) == 1
    assert mending.due(now=later, limit=5) == [in_store("second").id]


def test_a_complaint_leads_to_a_look_once_an_hour(two: S3Store) -> None:
    uploaded()
    copy = in_store("test")

    assert copies.complain(copy.id, copy.container_id, now=NOW)
    assert not copies.complain(copy.id, copy.container_id, now=NOW)  # it waits already
    tend_all()
    assert in_store("test").checked_at == NOW
    assert not copies.complain(copy.id, copy.container_id, now=NOW + timedelta(minutes=59))
    assert copies.complain(copy.id, copy.container_id, now=NOW + timedelta(minutes=61))
