from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("unlock", "0003_upload_lease"),
    ]

    operations = [
        migrations.AddField(
            model_name="purchase",
            name="is_proof",
            field=models.BooleanField(default=False),
        ),
    ]
