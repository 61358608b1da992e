"""Routes under /api/v1/."""

from __future__ import annotations

from django.urls import path

from payments.recovery_views import RecoveryBroadcast, RecoveryCoins
from payments.views import RatesView

urlpatterns = [
    path("rates/", RatesView.as_view(), name="rates"),
    path("recovery/coins/", RecoveryCoins.as_view(), name="recovery-coins"),
    path("recovery/broadcast/", RecoveryBroadcast.as_view(), name="recovery-broadcast"),
]
