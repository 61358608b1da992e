"""How long the admin's lists take with 100,000 sales: ``make bench B=lists``.

On a database of its own (SQLite) or, with ``BENCH_DATABASE_URL``, on that (empty) one. Every list
that holds more than a page is asked for as an operator does: as it opens, its second page, and
searched for an id that is there. A page that is not given ends the run.
"""

from __future__ import annotations

import os
import statistics
import tempfile
import time
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from django.db.models import Model
    from django.test import Client

PAGE = 100
ROUNDS = 5


def main() -> None:
    import django
    from django.core.management import call_command

    scratch = tempfile.TemporaryDirectory(prefix="kim-bench-")
    url = os.environ.get("BENCH_DATABASE_URL", f"sqlite:///{scratch.name}/bench.sqlite3")
    os.environ["KIM_DATABASE_URL"] = url
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.environment")
    django.setup()
    call_command("migrate", verbosity=0)
    _measure(int(os.environ.get("BENCH_ROWS", "100000")))
    scratch.cleanup()


def _measure(many: int) -> None:
    from django.conf import settings
    from django.contrib import admin
    from django.contrib.auth import get_user_model
    from django.db import connection
    from django.test import Client
    from django.urls import reverse

    from tests.unlock.ledgers import Ledger
    from tests.unlock.sale import creator, publish

    maya = creator("maya")
    Ledger([publish(maya) for _ in range(5)]).add(many, spread=timedelta(days=400)).save()
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE")
    staff = Client(headers={"host": settings.ALLOWED_HOSTS[0]})
    staff.force_login(get_user_model().objects.create_superuser("ada"))
    print(f"{many} sales on {connection.vendor}; milliseconds, median and worst of {ROUNDS}")
    print(f"{'the first page':28} {'':7}  opens {_median(staff, reverse('admin:index'))}")
    for model in sorted(admin.site._registry, key=lambda each: each._meta.label):
        if model._default_manager.count() > PAGE:
            _tell(staff, model)


def _tell(staff: Client, model: type[Model]) -> None:
    from django.urls import reverse

    path = reverse(f"admin:{model._meta.app_label}_{model._meta.model_name}_changelist")
    some: Any = model._default_manager.order_by("pk")[PAGE // 2]
    asked = {"opens": path, "page 2": f"{path}?p=2", "search": f"{path}?q={some.pk}"}
    told = [f"{name} {_median(staff, url)}" for name, url in asked.items()]
    print(f"{model._meta.label:28} {model._default_manager.count():>7}  {', '.join(told)}")


def _median(staff: Client, url: str) -> str:
    took = []
    for _ in range(ROUNDS):
        begun = time.perf_counter()
        answer = staff.get(url)
        took.append(1000 * (time.perf_counter() - begun))
        if answer.status_code != 200:
            raise SystemExit(f"{url}: {answer.status_code}")
    return f"{statistics.median(took):.0f} ({max(took):.0f})"
