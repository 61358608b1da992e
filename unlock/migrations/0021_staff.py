"""Three groups of staff, and who came by which invitation so far."""

from django.db import migrations

# Rights are of Django's admin: "view" shows a model's pages, "change" allows its actions (unlock.looking;
# nothing is edited by hand), "add" is for invitations alone.
FILE = "paidfile creator container copy cover samples failure version erasure profile showcase"
SALE = "purchase grant keyrelease givenagain failure delivery webhook notice pricing discountcode"
RULES = "report measure block auditentry"
PEOPLE = "invitation invitationuse quota"
MONEY = (
    "invoice address quote output refund event payout forward terms chaintransaction heartbeat"
    " headerpage counter rate ratesample manualrate"
)
GROUPS = {
    "moderator": [
        ("unlock", "view", f"{RULES} {FILE}"),
        ("unlock", "change", "report measure block paidfile creator"),
    ],
    "support": [
        ("unlock", "view", f"paidfile creator {SALE}"),
        ("unlock", "change", "delivery"),
        ("payments", "view", "invoice address quote output refund event forward"),
    ],
    "operator": [
        ("unlock", "view", f"auditentry upload audit cursor {PEOPLE} {FILE} {SALE}"),
        ("unlock", "change", "copy delivery"),
        ("unlock", "add", "invitation"),
        ("unlock", "delete", "invitation"),
        ("payments", "view", MONEY),
        ("payments", "change", "manualrate rate"),
    ],
}


def make(apps, editor):
    group_model = apps.get_model("auth", "Group")
    permission_model = apps.get_model("auth", "Permission")
    type_model = apps.get_model("contenttypes", "ContentType")
    for name, rights in GROUPS.items():
        group, _ = group_model.objects.get_or_create(name=name)
        for app, verb, models in rights:
            for model in models.split():
                # On an empty database Django makes these only after all migrations.
                kind, _ = type_model.objects.get_or_create(app_label=app, model=model)
                verbose = apps.get_model(app, model)._meta.verbose_name
                right, _ = permission_model.objects.get_or_create(
                    content_type=kind,
                    codename=f"{verb}_{model}",
                    defaults={"name": f"Can {verb} {verbose}"},
                )
                group.permissions.add(right)
    use_model = apps.get_model("unlock", "InvitationUse")
    for row in apps.get_model("unlock", "Invitation").objects.exclude(used_by=None):
        use_model.objects.get_or_create(
            creator_id=row.used_by_id,
            defaults={"invitation": row, "created_at": row.used_by.created_at},
        )


def unmake(apps, editor):
    """Groups may have members by now: they stay."""


class Migration(migrations.Migration):
    dependencies = [
        ("unlock", "0020_moderation"),
        ("payments", "0002_engine"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(make, unmake)]
