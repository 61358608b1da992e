"""Routes under /api/v1/."""

from __future__ import annotations

from django.urls import path

from payments.views import RatesView

urlpatterns = [path("rates/", RatesView.as_view(), name="rates")]
