"""The pages' addresses. Share links and return links are for ever: never change these two."""

from __future__ import annotations

from django.urls import path

from unlock.views import (
    embed,
    library,
    pages,
    profiles,
    reports,
    serving,
    showing,
    status,
    suspensions,
    wellknown,
)

urlpatterns = [
    path("", pages.start, name="start"),
    path("signup/", pages.signup, name="signup"),
    path("login/", pages.login, name="login"),
    path("recover-account/", pages.recover_account, name="recover-account"),
    path("sell/", pages.sell, name="sell"),
    path("files/", pages.files, name="files"),
    path("notices/", pages.noticeboard, name="notices"),
    path("sales/", pages.sales, name="sales"),
    path("settings/", pages.preferences, name="settings"),
    path("f/<uuid:file_id>", pages.offer, name="offer"),
    path("f/<uuid:file_id>/report", reports.report, name="report"),
    path("reports/<str:reference>", reports.outcome, name="report-outcome"),
    path("decisions/", reports.decisions, name="decisions"),
    path("suspended/", suspensions.page, name="suspended"),
    path("f/<uuid:file_id>/cover", showing.cover, name="cover"),
    path("@<str:username>", pages.shop, name="shop-page"),
    path("avatars/<str:sha256>", profiles.avatar, name="avatar"),
    path("embed/1/button.js", embed.button, name="embed-button"),
    path("p/<uuid:purchase_id>", pages.purchase, name="purchase"),
    path("p/<uuid:purchase_id>/status", status.purchase, name="purchase-status"),
    path("p/<uuid:purchase_id>/receipt", library.receipt, name="receipt"),
    path("pay/<uuid:invoice_id>", library.pay, name="pay"),
    path("library/", library.shelf, name="library"),
    path("recover/", pages.recover, name="recover"),
    path("open/", status.open_file, name="open"),
    path("x/sw.js", serving.worker, name="service-worker"),
    path("x/play", serving.player, name="player"),
    path("x/d/<str:token>", serving.missing, name="served-download"),
    path("x/v/<str:token>", serving.missing, name="served-media"),
    path(".well-known/kim.json", wellknown.instance, name="instance"),
    path(".well-known/kim-hashes.json", wellknown.hashes, name="hashes"),
    path(".well-known/security.txt", wellknown.security, name="security-txt"),
]
