"""The pages people open: shells rendered here, brought to life by modules in static/js/pages.

A shell carries no secret and no decision: everything it shows comes from the API, and what stands
behind the ``#`` of a link never arrives here.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import TYPE_CHECKING

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.views.decorators.csrf import ensure_csrf_cookie
from django.views.decorators.gzip import gzip_page
from django.views.decorators.http import require_safe

from unlock import (
    copies,
    covers,
    holds,
    markdown,
    notices,
    offers,
    shops,
    storage,
    storefront,
    versions,
)
from unlock.models import PaidFile, Purchase
from unlock.states import FileState
from unlock.views import paywall
from unlock.views.sessions import creator_of

if TYPE_CHECKING:
    import uuid

Page = Callable[[HttpRequest], HttpResponse]
CONNECT = "kim.connect"  # in request.META: the hosts that kim.middleware lists in connect-src


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """What kim is, in honest words, and one button."""
    return shell(request, "start")


@require_safe
@ensure_csrf_cookie
def signup(request: HttpRequest) -> HttpResponse:
    """A new creator; whoever is one already goes on."""
    return _go_on(request) or shell(request, "signup")


@require_safe
@ensure_csrf_cookie
def login(request: HttpRequest) -> HttpResponse:
    """Whoever is signed in goes on to the selling page."""
    return _go_on(request) or shell(request, "login")


@require_safe
@ensure_csrf_cookie
def recover_account(request: HttpRequest) -> HttpResponse:
    """A new password by the 24 words or the key file; signed in or not."""
    return shell(request, "recover_account")


def creators_only(page: Page) -> Page:
    """Send strangers to the login page, which brings them back afterwards."""

    @wraps(page)
    def guarded(request: HttpRequest) -> HttpResponse:
        if creator_of(request) is None:
            answer = redirect("login")
            answer["Location"] += f"?next={request.path}"
            return answer
        return page(request)

    return guarded


@require_safe
@ensure_csrf_cookie
@creators_only
def sell(request: HttpRequest) -> HttpResponse:
    """The creator's one page."""
    request.META[CONNECT] = storage.origins()  # uploads, and the test of the download
    return shell(request, "sell")


@require_safe
@ensure_csrf_cookie
@creators_only
def files(request: HttpRequest) -> HttpResponse:
    request.META[CONNECT] = storage.origins()  # an upload may go on here
    return shell(request, "files")


@require_safe
@ensure_csrf_cookie
@creators_only
def sales(request: HttpRequest) -> HttpResponse:
    """What was sold, what came for it, and the files for the books."""
    return shell(request, "sales")


@require_safe
@ensure_csrf_cookie
@creators_only
def preferences(request: HttpRequest) -> HttpResponse:
    """Payout, password and key, under /settings/."""
    return shell(request, "settings")


@require_safe
@ensure_csrf_cookie
@creators_only
def noticeboard(request: HttpRequest) -> HttpResponse:
    """What the creator should know, under /notices/."""
    return shell(request, "notices")


@require_safe
def recover(request: HttpRequest) -> HttpResponse:
    """Forwarding with a recovery kit; for everybody, because who needs it may have no login left."""
    return shell(request, "recover")


@require_safe
@gzip_page  # half of it names modules; no secret stands in it that a length could tell
def offer(request: HttpRequest, file_id: uuid.UUID) -> HttpResponse:
    """The buyer's page of a paid file. A draft tells a stranger nothing, not even its title."""
    rows = PaidFile.objects.select_related("creator__user", "container", "pricing", "showcase")
    if paywall.is_asked(request):
        return paywall.answer(rows.filter(pk=file_id).first())
    file = get_object_or_404(rows, pk=file_id)
    is_shown = file.state != FileState.DRAFT
    request.META[CONNECT] = copies.origins(file.container_id) if is_shown else ()
    cover = covers.of(file)
    facts: dict[str, object] = {
        "opens_instantly": offers.opens_instantly(file, now=timezone.now()),
        "cover": cover,
        "is_closed": not is_shown or holds.is_closed(file.id),
        "card": storefront.has_card(file),
        "is_adult": storefront.shown(file).is_adult,
        "maker": storefront.maker_of(file.creator),
        "description": mark_safe(markdown.to_html(file.description)),  # noqa: S308 - its one source
        "public_url": settings.KIM_PUBLIC_URL,
    }
    page = shell(request, "offer", file=file if is_shown else None, file_id=file_id, **facts)
    return paywall.vary(page)


@require_safe
@gzip_page
def shop(request: HttpRequest, username: str) -> HttpResponse:
    """/@name: who sells here. What is listed comes to whoever has the rest of the link.

    A name that nobody has and a creator without a shop are answered alike.
    """
    if username != username.lower():
        return redirect("shop-page", username=username.lower())
    profile = shops.find(username)
    if profile is None:
        answer = shell(request, "shop")
        answer.status_code = 404
        return answer
    return shell(request, "shop", maker=storefront.maker_of(profile.creator))


@require_safe
@gzip_page
def purchase(request: HttpRequest, purchase_id: uuid.UUID) -> HttpResponse:
    """The page behind a return link. Who may see what is decided by the claim, in the API.

    A purchase that is not known has the page too: it may have been lost with a database, and its
    buyer's browser keeps the ticket that brings it back.
    """
    known = Purchase.objects.select_related("paid_file").filter(pk=purchase_id).first()
    held = versions.containers_of(known) if known else []
    request.META[CONNECT] = (
        frozenset().union(*map(copies.origins, held)) if known else storage.origins()
    )
    answer = shell(request, "purchase", purchase_id=purchase_id)
    answer.status_code = 200 if known else 404
    return answer


def _go_on(request: HttpRequest) -> HttpResponse | None:
    """Promised to scripts (docs/architecture.md): whoever comes in stands where one drops a file."""
    return redirect("sell") if creator_of(request) else None


def shell(request: HttpRequest, name: str, **facts: object) -> HttpResponse:
    creator = creator_of(request)
    common = {
        "page": name,
        "username": str(creator) if creator else "",
        "unread": notices.unread(creator) if creator else 0,
        "network": settings.KIM_NETWORK,
        "signup": settings.KIM_SIGNUP,
    }
    return render(request, f"unlock/{name}.html", {**common, **facts})
