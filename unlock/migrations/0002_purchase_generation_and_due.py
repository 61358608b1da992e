from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("unlock", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="purchase",
            name="generation",
            field=models.PositiveIntegerField(default=0),
        ),
        migrations.AddField(
            model_name="purchase",
            name="release_due_at",
            field=models.DateTimeField(blank=True, null=True),
        ),
        migrations.AddIndex(
            model_name="purchase",
            index=models.Index(
                condition=models.Q(("release_due_at__isnull", False)),
                fields=["release_due_at"],
                name="purchase_release_due",
            ),
        ),
    ]
