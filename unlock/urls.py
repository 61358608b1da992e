"""The routes of /api/v1/ that are about files, keys and people."""

from __future__ import annotations

from django.urls import path

from unlock.views import (
    accounts,
    copies,
    duties,
    failures,
    files,
    live,
    notices,
    payouts,
    purchases,
    rates,
    refunds,
    sales,
    showing,
    terms,
    uploads,
    vaults,
    webhooks,
)

urlpatterns = [
    path("login-parameters/", accounts.LoginParameters.as_view(), name="login-parameters"),
    path("creators/", accounts.Creators.as_view(), name="creators"),
    path("session/", accounts.Session.as_view(), name="session"),
    path("session/password/", accounts.Password.as_view(), name="password"),
    path("vault/", vaults.Vault.as_view(), name="vault"),
    path("account-recoveries/", vaults.AccountRecoveries.as_view(), name="account-recoveries"),
    path("limits/", accounts.Limits.as_view(), name="limits"),
    path("payouts/preview/", payouts.PayoutPreview.as_view(), name="payout-preview"),
    path("rates/manual/", rates.ManualRates.as_view(), name="manual-rates"),
    path("payout/gap/", payouts.PayoutGap.as_view(), name="payout-gap"),
    path("payout/", payouts.Payout.as_view(), name="payout"),
    path("terms/", terms.Terms.as_view(), name="terms"),
    path("uploads/", uploads.Uploads.as_view(), name="uploads"),
    path("uploads/<uuid:upload_id>/", uploads.UploadDetail.as_view(), name="upload"),
    path("uploads/<uuid:upload_id>/parts/", uploads.UploadParts.as_view(), name="upload-parts"),
    path(
        "uploads/<uuid:upload_id>/completion/",
        uploads.UploadCompletion.as_view(),
        name="upload-completion",
    ),
    path("files/", files.Files.as_view(), name="api-files"),
    path("files/<uuid:file_id>/", files.FileDetail.as_view(), name="api-file"),
    path("contents/<str:content_id>/", files.ContentDetail.as_view(), name="content"),
    path("files/<uuid:file_id>/secret/", files.FileSecret.as_view(), name="file-secret"),
    path("files/<uuid:file_id>/selftest/", files.FileSelftest.as_view(), name="file-selftest"),
    path("files/<uuid:file_id>/proof/", files.FileProof.as_view(), name="file-proof"),
    path("files/<uuid:file_id>/samples/", showing.FileSamples.as_view(), name="file-samples"),
    path("files/<uuid:file_id>/audit/", showing.FileAudit.as_view(), name="file-audit"),
    path("files/<uuid:file_id>/cover/", showing.FileCover.as_view(), name="file-cover"),
    path(
        "files/<uuid:file_id>/publication/",
        files.FilePublication.as_view(),
        name="file-publication",
    ),
    path("files/<uuid:file_id>/copies/", copies.Copies.as_view(), name="file-copies"),
    path(
        "files/<uuid:file_id>/copies/<uuid:copy_id>/",
        copies.CopyDetail.as_view(),
        name="file-copy",
    ),
    path(
        "purchases/<uuid:purchase_id>/complaints/",
        copies.Complaints.as_view(),
        name="purchase-complaints",
    ),
    path("files/<uuid:file_id>/ranges/", files.FileRanges.as_view(), name="file-ranges"),
    path("files/<uuid:file_id>/purchases/", purchases.Purchases.as_view(), name="file-purchases"),
    path("purchases/restored/", refunds.Restored.as_view(), name="purchases-restored"),
    path(
        "purchases/<uuid:purchase_id>/refund-address/",
        refunds.RefundAddress.as_view(),
        name="refund-address",
    ),
    path("purchases/<uuid:purchase_id>/", purchases.PurchaseDetail.as_view(), name="api-purchase"),
    path("purchases/<uuid:purchase_id>/events/", live.events, name="purchase-events"),
    path(
        "purchases/<uuid:purchase_id>/quotes/", purchases.Quotes.as_view(), name="purchase-quotes"
    ),
    path(
        "purchases/<uuid:purchase_id>/release/",
        purchases.Release.as_view(),
        name="purchase-release",
    ),
    path(
        "purchases/<uuid:purchase_id>/location/",
        purchases.Location.as_view(),
        name="purchase-location",
    ),
    path(
        "purchases/<uuid:purchase_id>/receipt/",
        purchases.Receipt.as_view(),
        name="purchase-receipt",
    ),
    path(
        "purchases/<uuid:purchase_id>/failures/",
        failures.Failures.as_view(),
        name="purchase-failures",
    ),
    path(
        "sales/<uuid:purchase_id>/failures/",
        failures.SaleFailures.as_view(),
        name="sale-failures",
    ),
    path("sales/", sales.Sales.as_view(), name="api-sales"),
    path("sales/summary/", sales.SalesSummary.as_view(), name="sales-summary"),
    path("sales/export/", sales.SalesExport.as_view(), name="sales-export"),
    path("tasks/", duties.Tasks.as_view(), name="tasks"),
    path(
        "sales/<uuid:purchase_id>/acceptance/",
        duties.Acceptance.as_view(),
        name="sale-acceptance",
    ),
    path("sales/<uuid:purchase_id>/refund/", duties.OfferBack.as_view(), name="sale-refund"),
    path(
        "sales/<uuid:purchase_id>/refund/closing/",
        duties.Closing.as_view(),
        name="sale-refund-closing",
    ),
    path("sales/<uuid:purchase_id>/evidence/", sales.SaleEvidence.as_view(), name="sale-evidence"),
    path(
        "purchases/<uuid:purchase_id>/evidence/",
        sales.PurchaseEvidence.as_view(),
        name="purchase-evidence",
    ),
    path("webhooks/", webhooks.Webhooks.as_view(), name="webhooks"),
    path("webhooks/<uuid:webhook_id>/", webhooks.WebhookDetail.as_view(), name="webhook"),
    path("webhooks/<uuid:webhook_id>/test/", webhooks.WebhookTest.as_view(), name="webhook-test"),
    path(
        "webhooks/<uuid:webhook_id>/deliveries/", webhooks.Deliveries.as_view(), name="deliveries"
    ),
    path(
        "webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/",
        webhooks.DeliveryDetail.as_view(),
        name="delivery",
    ),
    path(
        "webhooks/<uuid:webhook_id>/deliveries/<uuid:delivery_id>/again/",
        webhooks.DeliveryAgain.as_view(),
        name="delivery-again",
    ),
    path("notices/", notices.Notices.as_view(), name="api-notices"),
    path("notices/read/", notices.NoticesRead.as_view(), name="notices-read"),
    path("notices/wishes/", notices.NoticeWishes.as_view(), name="notice-wishes"),
    path("notices/email/", notices.NoticeEmail.as_view(), name="notice-email"),
    path("notices/email/code/", notices.NoticeEmailCode.as_view(), name="notice-email-code"),
]
