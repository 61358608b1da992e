"""The second step of a staff login, an index for the list of purchases, and what support may do to them."""

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

# "change" allows a model's actions, "add" of a grant the one that gives a purchase its key.
MORE = {
    "support": ("change_purchase", "add_grant"),
    "operator": ("change_purchase",),
}


def allow(apps, editor):
    group_model = apps.get_model("auth", "Group")
    permission_model = apps.get_model("auth", "Permission")
    type_model = apps.get_model("contenttypes", "ContentType")
    for name, rights in MORE.items():
        group, _ = group_model.objects.get_or_create(name=name)
        for codename in rights:
            verb, _, model = codename.partition("_")
            kind, _ = type_model.objects.get_or_create(app_label="unlock", model=model)
            right, _ = permission_model.objects.get_or_create(
                content_type=kind, codename=codename, defaults={"name": f"Can {verb} {model}"}
            )
            group.permissions.add(right)


def leave(apps, editor):
    """Rights that somebody took away or gave since then stay as they are."""


class Migration(migrations.Migration):
    dependencies = [
        ("unlock", "0021_staff"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="StaffFactor",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("sealed_seed", models.BinaryField(max_length=100)),
                ("last_step", models.BigIntegerField(default=0)),
                ("spare_hashes", models.JSONField(blank=True, default=list)),
                ("confirmed_at", models.DateTimeField(blank=True, null=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.AddIndex(
            model_name="purchase",
            index=models.Index(fields=["created_at"], name="purchase_created"),
        ),
        migrations.AddField(
            model_name="stafffactor",
            name="user",
            field=models.OneToOneField(
                on_delete=django.db.models.deletion.CASCADE,
                related_name="staff_factor",
                to=settings.AUTH_USER_MODEL,
            ),
        ),
        migrations.RunPython(allow, leave),
    ]
