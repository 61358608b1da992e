"""The greeting of an empty instance: a short set-up for whoever has the code that its server printed."""

from __future__ import annotations

import logging
import sys
from typing import Any

from django import forms
from django.conf import settings
from django.contrib.auth import get_user_model
from django.contrib.auth.password_validation import validate_password
from django.db import DatabaseError
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe
from rest_framework.request import Request
from rest_framework.views import APIView

from kim.throttles import LoginThrottle
from payments import payouts
from payments.errors import ServiceError
from unlock import instances, speech
from unlock.instances import Admin, Said
from unlock.views import pages

log = logging.getLogger(__name__)


def announce() -> None:
    """Print the code of an empty instance, once; called when the server starts. Never fails."""
    try:
        code = instances.begin(now=timezone.now())
    except DatabaseError:
        log.warning("no code for a set-up: the database is not there, or not migrated")
        return
    if code:
        sys.stderr.write(announcement(code) + "\n")
        sys.stderr.flush()


def announcement(code: str) -> str:
    return f"This instance is empty. Set it up at {settings.KIM_PUBLIC_URL}/setup/ with the code {code}"


class SetupForm(forms.Form):
    """One page. ``payout`` is only looked at: an address of the operator's own wallet, or an xpub."""

    code = forms.CharField(max_length=40)
    name = forms.CharField(max_length=60)
    username = forms.CharField(max_length=150)
    password = forms.CharField(max_length=200, strip=False)
    contact = forms.CharField(max_length=200, required=False)
    imprint = forms.CharField(max_length=20_000, required=False)
    terms = forms.CharField(max_length=20_000, required=False)
    payout = forms.CharField(max_length=500, required=False)

    def clean_code(self) -> str:
        """A stranger learns nothing of the other fields."""
        code: str = self.cleaned_data["code"]
        try:
            instances.check_code(code)
        except ServiceError as error:
            raise forms.ValidationError(_said(error)) from error
        return code

    def clean_username(self) -> str:
        name: str = self.cleaned_data["username"]
        get_user_model().username_validator(name)
        return name

    def clean_password(self) -> str:
        password: str = self.cleaned_data["password"]
        user = get_user_model()(username=self.cleaned_data.get("username", ""))
        validate_password(password, user)
        return password

    def about(self) -> Said:
        return Said(
            **{name: self.cleaned_data[name] for name in ("name", "contact", "imprint", "terms")}
        )

    def admin(self) -> Admin:
        facts = self.cleaned_data
        return Admin(username=facts["username"], password=facts["password"])


@require_safe
def start(request: HttpRequest) -> HttpResponse:
    """The start page; an empty instance greets its operator."""
    return redirect("setup") if instances.is_waiting() else pages.start(request)


@require_http_methods(["GET", "HEAD", "POST"])
@sensitive_post_parameters()
def setup(request: HttpRequest) -> HttpResponse:
    """The set-up; there is none once somebody is there."""
    if not instances.is_waiting():
        raise Http404
    if request.method != "POST":
        return _page(request, SetupForm(initial={"name": settings.KIM_INSTANCE_NAME}))
    throttle = LoginThrottle()
    if not throttle.allow_request(Request(request), APIView()):
        form = SetupForm()
        said = speech.say("Too many tries. Wait a minute.")
        return _page(request, form, status=429, wrong=said)
    form = SetupForm(request.POST)
    if "test" in request.POST:
        form.full_clean()
        tested = {} if form.errors.get("code") else _tested(request.POST.get("payout", ""))
        return _page(request, form, is_test=not form.errors.get("code"), **tested)
    if not form.is_valid():
        return _page(request, form, status=400)
    try:
        instances.set_up(form.cleaned_data["code"], form.about(), form.admin(), now=timezone.now())
    except ServiceError as error:
        return _page(request, form, status=error.http_status, wrong=_said(error))
    facts = {"page": "setup", "asks_code": settings.KIM_STAFF_TWO_FACTOR}
    return render(request, "unlock/setup_done.html", facts)


def _tested(value: str) -> dict[str, Any]:
    """What the network says of an address or xpub; nothing is kept."""
    try:
        return {"found": payouts.inspect(value.strip())}
    except ServiceError as error:
        return {"refused": _said(error)}


def _said(error: ServiceError) -> str:
    return f"{speech.tell(error.words)} {speech.tell(error.advice)}"


def _page(
    request: HttpRequest, form: SetupForm, *, status: int = 200, is_test: bool = False, **facts: Any
) -> HttpResponse:
    """A test of the payout complains of nothing else."""
    facts = {"page": "setup", "form": form, "is_test": is_test, **facts}
    answer = render(request, "unlock/setup.html", facts, status=status)
    # Under no-referrer, browsers send a form's Origin as null, and Django refuses it.
    answer["Referrer-Policy"] = "same-origin"
    return answer
