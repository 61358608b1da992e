"""Every route, by audience: health, API, admin, pages."""

from __future__ import annotations

from django.contrib import admin
from django.urls import include, path
from drf_spectacular.views import SpectacularAPIView

from kim import first_run, health, metrics, pages

urlpatterns = [
    path("healthz", health.live, name="healthz"),
    path("readyz", health.ready, name="readyz"),
    path("metrics", metrics.read, name="metrics"),
    path("api/v1/schema/", SpectacularAPIView.as_view(), name="schema"),
    path("api/v1/", include("payments.urls")),
    path("api/v1/", include("unlock.urls")),
    path("admin/login/", pages.staff_login, name="staff-login"),
    path("admin/second-step/", pages.staff_second_step, name="staff-step"),
    path("admin/", admin.site.urls),
    path("setup/", first_run.setup, name="setup"),
    path("components/", pages.components, name="components"),
    path("imprint", pages.imprint, name="site-imprint"),
    path("terms", pages.terms, name="site-terms"),
    path("", first_run.start, name="start"),
    path("", include("unlock.urls_pages")),
]

handler400 = pages.bad_request
handler403 = pages.forbidden
handler404 = pages.not_found
handler500 = pages.failed
