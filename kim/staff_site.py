"""The admin as a workplace: entered in two steps, with the figures of the day on its first page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast

import segno
from django.conf import settings
from django.contrib import admin, messages
from django.contrib.admin.forms import AdminAuthenticationForm
from django.contrib.auth.forms import AuthenticationForm
from django.contrib.auth.views import LoginView
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse
from django.utils import timezone
from django.utils.decorators import method_decorator
from django.views.decorators.cache import never_cache
from django.views.decorators.csrf import csrf_protect
from django.views.decorators.debug import sensitive_post_parameters

from kim import staff_doors, workplace
from kim.staff_doors import FirstStep
from payments.errors import ServiceError
from unlock import staff_factors
from unlock.account_errors import SecondStepBusy, SecondStepWrong

if TYPE_CHECKING:
    from django.http.response import HttpResponseBase
    from django.urls import URLPattern, URLResolver

SPARE_FEW: Final = 3


class StaffLogin(LoginView):
    """The first step: a right password leads to the second, and logs nobody in."""

    def form_valid(self, form: AuthenticationForm) -> HttpResponse:
        user: Any = form.get_user()
        onward = self.get_redirect_url() or reverse("admin:index")
        staff_doors.begin(self.request, user, onward=onward, now=timezone.now())
        return HttpResponseRedirect(reverse("admin:second_step"))


class StaffSite(admin.AdminSite):
    site_header = "kim"
    site_title = "kim"
    index_title = "What needs you now"

    def has_permission(self, request: HttpRequest) -> bool:
        """Both steps, unless the operator switched the second off, and not long ago."""
        if not super().has_permission(request):
            return False
        if settings.KIM_STAFF_TWO_FACTOR and not staff_doors.is_through(request):
            return False
        return staff_doors.is_awake(request, now=timezone.now())

    def index(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> TemplateResponse:
        shown = workplace.panels(request, now=timezone.now())
        return super().index(request, {"panels": shown, **(extra_context or {})})

    def get_urls(self) -> list[URLPattern | URLResolver]:
        own = path("second-step/", self.second_step, name="second_step")
        return [own, *super().get_urls()]

    @method_decorator(never_cache)
    def login(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        if not settings.KIM_STAFF_TWO_FACTOR:
            return super().login(request, extra_context)
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index"))
        facts = {
            **self.each_context(request),
            "title": "Log in",
            "subtitle": None,
            "app_path": request.get_full_path(),
            "username": request.user.get_username(),
            **(extra_context or {}),
        }
        answer: HttpResponseBase = StaffLogin.as_view(
            extra_context=facts,
            authentication_form=AdminAuthenticationForm,
            template_name="admin/login.html",
        )(request)
        return cast("HttpResponse", answer)

    @method_decorator((never_cache, csrf_protect, sensitive_post_parameters()))
    def second_step(self, request: HttpRequest) -> HttpResponse:
        """A code of the app, or the set-up of the app where there is none yet."""
        first = FirstStep.of(request, now=timezone.now())
        if first is None:
            return HttpResponseRedirect(reverse("admin:login"))
        if staff_factors.is_on(first.user):
            return self._ask_code(request, first)
        return self._set_up(request, first)

    def _ask_code(self, request: HttpRequest, first: FirstStep) -> HttpResponse:
        if request.method != "POST":
            return self._page(request, "admin/second_step.html")
        try:
            staff_factors.check(first.user, request.POST.get("code", ""), now=timezone.now())
        except ServiceError as error:
            return self._page(request, "admin/second_step.html", refused=error)
        staff_doors.finish(request, first.user)
        left = staff_factors.spare_left(first.user)
        if left <= SPARE_FEW:
            said = (
                f"{left} of your spare codes are left. A reset of your second step makes new ones."
            )
            messages.warning(request, said)
        return HttpResponseRedirect(first.onward)

    def _set_up(self, request: HttpRequest, first: FirstStep) -> HttpResponse:
        """A new seed each time the page is opened; the one that was shown stays while codes are typed."""
        now, refused = timezone.now(), None
        if request.method == "POST":
            try:
                spare = staff_factors.confirm(first.user, request.POST.get("code", ""), now=now)
            except ServiceError as error:
                refused = error
            else:
                staff_doors.finish(request, first.user)
                template = "admin/spare_codes.html"
                return self._page(request, template, spare=spare, onward=first.onward)
        if isinstance(refused, SecondStepWrong | SecondStepBusy):
            offered = staff_factors.offered(first.user)
        else:
            offered = staff_factors.offer(first.user, now=now)
        qr = segno.make(offered.uri, error="m").svg_data_uri(border=2, omitsize=True)
        template = "admin/second_step.html"
        return self._page(request, template, refused=refused, offered=offered, qr=qr)

    def _page(
        self, request: HttpRequest, template: str, *, refused: Any = None, **facts: Any
    ) -> TemplateResponse:
        status = 200 if refused is None else refused.http_status
        context = {
            **self.each_context(request),
            "title": "Second step",
            "refused": refused,
            **facts,
        }
        return TemplateResponse(request, template, context, status=status)
