import django.db.models.deletion
import django.utils.timezone
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("unlock", "0013_api"),
    ]

    operations = [
        migrations.AddField(
            model_name="purchase",
            name="note",
            field=models.BinaryField(blank=True, default=b"", max_length=44),
        ),
        migrations.CreateModel(
            name="GivenAgain",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "new",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="again_of",
                        to="unlock.purchase",
                    ),
                ),
                (
                    "old",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="given_again",
                        to="unlock.purchase",
                    ),
                ),
            ],
            options={"verbose_name_plural": "given again"},
        ),
    ]
