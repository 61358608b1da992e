"""Suspensions with their appeals, and who of the staff reads and decides them."""

import uuid

import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models

GROUPS = {"moderator": "view change", "support": "view", "operator": "view"}


def grant(apps, editor):
    """As 0021_staff: on an empty database Django makes these rights only after all migrations."""
    kind, _ = apps.get_model("contenttypes", "ContentType").objects.get_or_create(
        app_label="unlock", model="suspension"
    )
    for name, verbs in GROUPS.items():
        group, _ = apps.get_model("auth", "Group").objects.get_or_create(name=name)
        for verb in verbs.split():
            right, _ = apps.get_model("auth", "Permission").objects.get_or_create(
                content_type=kind,
                codename=f"{verb}_suspension",
                defaults={"name": f"Can {verb} suspension"},
            )
            group.permissions.add(right)


def ungrant(apps, editor):
    """Rights go with their model."""


class Migration(migrations.Migration):
    dependencies = [
        ("unlock", "0027_report_language"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [
        migrations.CreateModel(
            name="Suspension",
            fields=[
                (
                    "id",
                    models.UUIDField(
                        default=uuid.uuid4, editable=False, primary_key=True, serialize=False
                    ),
                ),
                (
                    "ground",
                    models.CharField(
                        choices=[("law", "law"), ("terms", "terms")],
                        default="terms",
                        max_length=10,
                    ),
                ),
                ("reason", models.CharField(blank=True, max_length=300)),
                ("decided_by", models.CharField(blank=True, max_length=150)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("lifted_at", models.DateTimeField(blank=True, null=True)),
                ("appeal", models.TextField(blank=True, max_length=2000)),
                ("appealed_at", models.DateTimeField(blank=True, null=True)),
                ("answer", models.CharField(blank=True, max_length=1000)),
                ("answered_at", models.DateTimeField(blank=True, null=True)),
                ("answered_by", models.CharField(blank=True, max_length=150)),
                (
                    "creator",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="suspensions",
                        to="unlock.creator",
                    ),
                ),
                (
                    "report",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="suspensions",
                        to="unlock.report",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("lifted_at", None)),
                        fields=("creator",),
                        name="suspension_in_force_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("ground__in", ["law", "terms"])),
                        name="suspension_ground_known",
                    ),
                ],
            },
        ),
        migrations.RunPython(grant, ungrant),
    ]
