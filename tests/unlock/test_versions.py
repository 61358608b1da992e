"""Replacing what a file sells, and its link: who gets which version, and that nobody loses theirs."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest

from payments.states import InvoiceState
from tests.unlock.creating import refusal
from tests.unlock.replacing import META, Page, Share, release, uploaded
from tests.unlock.sale import INSTANCE_PRIVATE, NOW, Buyer, Sold, creator, owe, publish
from unlock import container, files, grants, keys, orphans, purchases, receipts, versions
from unlock.models import KeyRelease, PaidFile, Purchase, Samples, Upload, Version
from unlock.pricing_errors import OfferChanged
from unlock.states import FileState, GrantKind

pytestmark = pytest.mark.django_db


@pytest.fixture
def sold() -> Sold:
    return publish()


@pytest.fixture
def page(sold: Sold) -> Page:
    return Page(sold)


def paid(sold: Sold, buyer: Buyer) -> Purchase:
    return buyer.purchase(sold, invoice_id=owe(sold, InvoiceState.PAID).id)


def opened(buyer: Buyer, purchase: Purchase, body: dict[str, str]) -> bytes:
    """S, as the buyer's page opens it with the content that it asked for."""
    return container.open_release(
        buyer.keys.private_key,
        container.decode_b64url(body["sealed"]),
        paid_file=purchase.paid_file_id,
        purchase=purchase.id,
        content_id=bytes.fromhex(body["content_id"]),
    )


def work(purchase: Purchase) -> None:
    keys.release(purchase.id, private_keys=INSTANCE_PRIVATE, now=NOW)


def test_a_file_that_never_changed_is_its_first_version(sold: Sold) -> None:
    edition = versions.edition_of(sold.file)

    assert sold.file.container is not None
    assert (edition.number, edition.link_generation, edition.meta_link) == (1, 0, b"")
    assert edition.link_file_id == bytes(sold.file.container.file_id)
    assert not Version.objects.exists()


def test_new_content_is_sold_under_the_same_link_and_the_old_stays_with_its_buyer(
    sold: Sold, page: Page
) -> None:
    noor, before = Buyer(), sold.file.container
    assert before is not None
    purchase = paid(sold, noor)
    upload, share = uploaded(sold.file.creator), Share(1)

    shown = page.replace(share, upload=upload, note="Two mistakes are gone.")

    assert (shown["version"], shown["generation"], shown["link_generation"]) == (2, 1, 0)
    assert shown["content_id"] == upload.container.content_id
    assert shown["h_s"] == share.h_s
    assert shown["link_file_id"] == bytes(before.file_id).hex()
    assert shown["state"] == "published"
    work(purchase)
    body = release(noor, purchase.id).json()
    assert body["content_id"] == before.content_id
    assert opened(noor, purchase, body) == sold.secret
    seen = noor.client.get(f"/api/v1/purchases/{purchase.id}/").json()
    assert (seen["file"]["content_id"], seen["file"]["version"]) == (before.content_id, 1)
    assert seen["newer"] is None
    refused = release(noor, purchase.id, upload.container.content_id)
    assert refusal(refused) == (404, "version_missing")
    assert KeyRelease.objects.filter(purchase=purchase).count() == 1


def test_earlier_buyers_get_the_new_version_beside_the_old_one(sold: Sold, page: Page) -> None:
    noor = Buyer()
    purchase = paid(sold, noor)
    work(purchase)
    upload, share = uploaded(sold.file.creator), Share(1)

    page.replace(share, upload=upload, note="All tracks again.", is_for_earlier=True)

    newer = noor.client.get(f"/api/v1/purchases/{purchase.id}/").json()["newer"]
    assert (newer["version"], newer["note"]) == (2, "All tracks again.")
    assert newer["file"]["content_id"] == upload.container.content_id
    asked = release(noor, purchase.id, upload.container.content_id)
    assert (asked.status_code, asked.json()) == (202, {"release": "pending"})
    work(purchase)
    body = release(noor, purchase.id, upload.container.content_id).json()
    assert opened(noor, purchase, body) == share.secret
    old = release(noor, purchase.id).json()
    assert opened(noor, purchase, old) == sold.secret
    signed = receipts.issue(
        keys.standing_of(purchase.id, now=NOW), content_id=upload.container.content_id
    )
    assert upload.container.content_id.encode() in signed.body


def test_no_version_is_released_while_nothing_is_paid(sold: Sold, page: Page) -> None:
    eve = Buyer()
    purchase = eve.purchase(sold, invoice_id=owe(sold).id)
    upload = uploaded(sold.file.creator)
    page.replace(Share(1), upload=upload, is_for_earlier=True)

    work(purchase)

    assert refusal(release(eve, purchase.id, upload.container.content_id)) == (402, "not_paid")
    assert refusal(release(eve, purchase.id)) == (402, "not_paid")
    assert not KeyRelease.objects.filter(purchase=purchase).exists()
    assert eve.client.get(f"/api/v1/purchases/{purchase.id}/").json()["newer"] is None


def test_an_order_that_was_open_at_the_swap_gets_what_it_was_made_for(
    sold: Sold, page: Page
) -> None:
    noor, before = Buyer(), sold.file.container
    assert before is not None
    invoice = owe(sold)
    purchase = noor.purchase(sold, invoice_id=invoice.id)
    page.replace(Share(1), upload=uploaded(sold.file.creator))

    invoice.state, invoice.settled_at = InvoiceState.PAID, NOW
    invoice.save()
    work(purchase)

    body = release(noor, purchase.id).json()
    assert body["content_id"] == before.content_id
    assert opened(noor, purchase, body) == sold.secret


def test_a_new_link_has_its_own_key_and_earlier_buyers_keep_theirs(sold: Sold, page: Page) -> None:
    noor, late, before = Buyer(), Buyer(), sold.file.container
    assert before is not None
    purchase = paid(sold, noor)
    share = Share(1, link_generation=1, meta_link=META)

    shown = page.replace(share)

    assert (shown["version"], shown["generation"], shown["link_generation"]) == (1, 1, 1)
    assert container.decode_b64url(shown["meta_link"]) == META
    assert (shown["content_id"], shown["h_s"]) == (before.content_id, share.h_s)
    assert shown["link_file_id"] == bytes(before.file_id).hex()
    work(purchase)
    assert opened(noor, purchase, release(noor, purchase.id).json()) == sold.secret
    seen = noor.client.get(f"/api/v1/purchases/{purchase.id}/").json()
    assert (seen["file"]["link_generation"], seen["file"]["meta_link"]) == (0, "")
    assert seen["newer"] is None
    new = paid(sold, late)
    work(new)
    body = release(late, new.id).json()
    assert opened(late, new, body) == share.secret
    assert container.decode_b64url(body["wrapped_key"]) == share.wrapped_key


def test_a_version_for_earlier_buyers_has_a_key_for_each_link_they_have(
    sold: Sold, page: Page
) -> None:
    noor, late = Buyer(), Buyer()
    first = paid(sold, noor)
    page.replace(Share(1, link_generation=1, meta_link=META))
    second = paid(sold, late)
    upload = uploaded(sold.file.creator)
    only_new = page.stage(Share(2, link_generation=1), upload=upload, is_for_earlier=True)
    assert refusal(only_new) == (409, "link_moved")
    old, new = Share(2, link_generation=0, meta_link=META), Share(3, link_generation=1)

    page.replace(old, new, upload=upload, is_for_earlier=True)

    for buyer, purchase, share in ((noor, first, old), (late, second, new)):
        work(purchase)
        body = release(buyer, purchase.id, upload.container.content_id).json()
        assert opened(buyer, purchase, body) == share.secret
        assert KeyRelease.objects.filter(purchase=purchase).count() == 2
    offered = noor.client.get(f"/api/v1/files/{sold.file.id}/").json()
    assert (offered["generation"], offered["link_generation"]) == (3, 1)


def test_who_skipped_a_version_gets_the_one_after_it(sold: Sold, page: Page) -> None:
    noor = Buyer()
    purchase = paid(sold, noor)
    second, third = uploaded(sold.file.creator), uploaded(sold.file.creator)
    page.replace(Share(1), upload=second)
    page.replace(Share(2), upload=third, is_for_earlier=True)
    work(purchase)

    assert release(noor, purchase.id, third.container.content_id).status_code == 200
    refused = release(noor, purchase.id, second.container.content_id)
    assert refusal(refused) == (404, "version_missing")


@pytest.mark.parametrize(
    ("shares", "said"),
    [
        pytest.param([Share(0)], {}, id="a used key"),
        pytest.param([Share(1, link_generation=1)], {}, id="another link"),
        pytest.param([Share(1), Share(1, link_generation=0)], {}, id="two for one link"),
    ],
)
def test_keys_that_are_not_due_are_refused(
    page: Page, shares: list[Share], said: dict[str, str]
) -> None:
    upload = uploaded(page.sold.file.creator)

    refused = page.stage(*shares, upload=upload, **said)

    assert refusal(refused) == (409, "link_moved")
    assert not Version.objects.filter(published_at=None).exists()


def test_a_new_link_without_a_description_is_refused(page: Page) -> None:
    assert refusal(page.stage(Share(1, link_generation=1))) == (409, "link_moved")


def test_another_creators_file_and_upload_are_not_there(page: Page) -> None:
    eve = publish(creator("eve"))

    foreign = Page(eve).stage(Share(1), upload=uploaded(page.sold.file.creator))
    assert refusal(foreign) == (404, "not_found")
    other = Page(Sold(PaidFile(id=page.sold.file.id, creator=eve.file.creator), b""))
    assert refusal(other.stage(Share(1), upload=uploaded(eve.file.creator)))[0] == 404
    assert refusal(other.call("post", "erasure/"))[0] == 404


def test_what_is_not_checked_whole_cannot_take_its_place(page: Page) -> None:
    upload = uploaded(page.sold.file.creator, verified=False)

    assert refusal(page.stage(Share(1), upload=upload))[1] == "upload_not_verified"


def test_a_content_is_of_one_file_only(sold: Sold, page: Page) -> None:
    upload = uploaded(sold.file.creator)
    assert page.stage(Share(1), upload=upload).status_code == 200

    made = Page(publish(sold.file.creator)).stage(Share(1), upload=upload)

    assert refusal(made) == (409, "container_taken")


def test_the_swap_waits_for_audit_and_test(sold: Sold, page: Page) -> None:
    before = sold.file.container_id
    large = uploaded(sold.file.creator, segments=200)
    assert page.stage(Share(1), upload=large).status_code == 200
    assert refusal(page.swap(page.test())) == (409, "audit_missing")

    assert page.stage(Share(1), upload=uploaded(sold.file.creator)).status_code == 200
    other = paid(sold, Buyer())
    assert refusal(page.swap(str(other.id))) == (409, "selftest_missing")

    sold.file.refresh_from_db()
    assert (sold.file.container_id, sold.file.generation) == (before, 0)
    assert sold.file.state == FileState.PUBLISHED


def test_a_swap_asked_for_twice_is_one(sold: Sold, page: Page) -> None:
    page.stage(Share(1), upload=uploaded(sold.file.creator))
    test = page.test()
    first = page.swap(test)

    again = page.swap(test)

    assert again.status_code == 200
    assert again.json()["content_id"] == first.json()["content_id"]
    assert Version.objects.filter(paid_file=sold.file).count() == 2


def test_what_was_staged_can_be_forgotten_and_is_cleared_away(sold: Sold, page: Page) -> None:
    upload = uploaded(sold.file.creator)
    page.stage(Share(1), upload=upload)
    page.test()

    assert page.call("delete", "replacement/").status_code == 204
    assert page.call("delete", "replacement/").status_code == 204

    upload.refresh_from_db()
    assert upload.error_code == orphans.DELETED
    assert not Purchase.objects.filter(grant__kind=GrantKind.SELFTEST).exists()
    assert refusal(page.swap(str(sold.file.id))) == (404, "replacement_missing")
    assert page.stage(Share(1), upload=upload).status_code == 200


def test_an_older_version_is_never_cleared_away(sold: Sold, page: Page) -> None:
    upload = uploaded(sold.file.creator)
    page.replace(Share(1), upload=upload)
    page.replace(Share(2), upload=uploaded(sold.file.creator))
    Upload.objects.update(error_code=orphans.DELETED, touched_at=NOW - timedelta(days=3))

    assert orphans.sweep(now=NOW) == 0


def test_samples_of_the_old_content_are_gone_with_it(sold: Sold, page: Page) -> None:
    assert sold.file.container is not None
    facts = {"content_id": sold.file.container.content_id, "kind": "text", "entries": b"e" * 40}
    Samples.objects.create(paid_file=sold.file, **facts)
    page.replace(Share(1, link_generation=1, meta_link=META))
    assert Samples.objects.count() == 1  # the same content under a new link

    page.replace(Share(2, link_generation=1), upload=uploaded(sold.file.creator))

    assert Samples.objects.count() == 0


def test_a_found_file_of_an_older_version_leads_to_the_offer(sold: Sold, page: Page) -> None:
    assert sold.file.container is not None
    old = sold.file.container.content_id
    page.replace(Share(1), upload=uploaded(sold.file.creator))

    assert files.find_by_content(old).id == sold.file.id


def test_an_order_of_what_is_not_on_sale_any_more_is_refused(sold: Sold, page: Page) -> None:
    assert sold.file.container is not None
    order = replace(Buyer().order(sold), content_id=sold.file.container.content_id)
    page.replace(Share(1), upload=uploaded(sold.file.creator))

    with pytest.raises(OfferChanged):
        purchases.begin(order, now=NOW)

    assert not Purchase.objects.exclude(grant__kind=GrantKind.SELFTEST).exists()


def test_nobody_who_paid_is_locked_out_by_an_erasure(sold: Sold, page: Page) -> None:
    noor = Buyer()
    purchase = paid(sold, noor)
    work(purchase)

    refused = page.call("post", "erasure/")

    assert refusal(refused) == (409, "buyers_unpaid")
    assert "1 of your buyers paid 10000 satoshis" in refused.json()["error"]["message"]
    sold.file.refresh_from_db()
    assert sold.file.state == FileState.PUBLISHED
    assert release(noor, purchase.id).status_code == 200


def test_a_file_that_nobody_paid_for_can_be_taken_from_everybody(sold: Sold, page: Page) -> None:
    noor = Buyer()
    purchase = noor.purchase(sold)
    grants.give(purchase.id, GrantKind.GIFT, now=NOW)
    assert page.call("post", "erasure/").status_code == 200
    assert page.call("post", "erasure/").status_code == 200

    sold.file.refresh_from_db()
    assert sold.file.state == FileState.REMOVED
    answer = noor.client.post(f"/api/v1/purchases/{purchase.id}/location/")
    assert refusal(answer) == (410, "file_erased")
    assert noor.client.get(f"/api/v1/purchases/{purchase.id}/").json()["is_erased"] is True


def test_what_opens_a_version_is_kept_sealed_only(sold: Sold, page: Page) -> None:
    share = Share(1, secret=b"planted-marker-of-S-".ljust(32, b"!"))
    page.replace(share, upload=uploaded(sold.file.creator))

    rows = [*Version.objects.values(), *PaidFile.objects.values(), *KeyRelease.objects.values()]
    kept = [
        bytes(each) for row in rows for each in row.values() if isinstance(each, bytes | memoryview)
    ]
    kept += [str(each).encode() for row in rows for each in row.values()]
    assert rows
    assert not [each for each in kept if b"planted-marker" in each]
    coded = share.body["s"].encode()
    assert not [each for each in kept if coded in each]
