"""The error tree, continued: reports, and what moderation forbids."""

from __future__ import annotations

from payments.errors import ServiceError


class ReportInvalid(ServiceError):
    code = "report_invalid"
    hint = (
        "Say in a few words what is wrong; a rights holder also says who they are and which work."
    )


class ReportsEnough(ServiceError):
    """The file was reported often enough from here, or by everybody, for now."""

    code = "reports_enough"
    hint = (
        "What was reported before is being looked at. Come back tomorrow if there is more to say."
    )
    http_status = 429


class ReportMissing(ServiceError):
    code = "report_missing"
    hint = "Check the reference, to its last letter."
    http_status = 404


class ProofWrong(ServiceError):
    """The segment, its path or its key is not of the content that is sold."""

    code = "proof_wrong"
    hint = "Send the report without a proof, or open the file again and try once more."


class ProofUnreadable(ServiceError):
    """A report without a proof, or one whose bytes lie nowhere any more."""

    code = "proof_unreadable"
    hint = "Decide without it, or try again later."
    http_status = 409


class ModerationRefused(ServiceError):
    """What staff asked for is not possible in this state."""

    code = "moderation_refused"
    hint = "Load the page again: somebody else may have decided meanwhile."
    http_status = 409


class ReasonMissing(ServiceError):
    code = "reason_missing"
    hint = "Write the reason: the creator and the reporter read it."


class HeldBack(ServiceError):
    """Moderation took the file off sale."""

    code = "held_back"
    hint = "Read the decision under Notices; you can appeal there."
    http_status = 409


class ContentBlocked(ServiceError):
    """That very content was blocked."""

    code = "content_blocked"
    hint = "This content may not be sold here. If that is wrong, write to whoever runs this site."
    http_status = 409


class PayoutBlocked(ServiceError):
    code = "payout_blocked"
    hint = "Nothing may be sold to this address here. Write to whoever runs this site."
    http_status = 409


class AppealRefused(ServiceError):
    """There is no such decision of theirs, or it was appealed before."""

    code = "appeal_refused"
    hint = "Each decision can be appealed once, while it stands."
    http_status = 409


class QuotaReached(ServiceError):
    """The creator, or the whole site, stores as much as it may."""

    code = "quota_reached"
    hint = "Delete drafts that you do not need, or ask whoever runs this site for more room."
    http_status = 409


class FileTakenDown(ServiceError):
    """Moderation removed the file and its copies."""

    code = "file_taken_down"
    hint = "The page of the file gives the reason. Ask its seller to pay you back."
    http_status = 410
