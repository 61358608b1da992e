"""The API of unlock, under /api/v1/."""

from __future__ import annotations

from django.urls import path

from unlock.views import live, purchases

urlpatterns = [
    path("files/<uuid:file_id>/purchases/", purchases.Purchases.as_view()),
    path("purchases/<uuid:purchase_id>/", purchases.PurchaseDetail.as_view()),
    path("purchases/<uuid:purchase_id>/events/", live.events),
    path("purchases/<uuid:purchase_id>/quotes/", purchases.Quotes.as_view()),
    path("purchases/<uuid:purchase_id>/release/", purchases.Release.as_view()),
    path("purchases/<uuid:purchase_id>/location/", purchases.Location.as_view()),
    path("purchases/<uuid:purchase_id>/receipt/", purchases.Receipt.as_view()),
]
