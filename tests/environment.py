"""The settings module of tests and type checks: a made-up environment, then the real settings.

Keys here are test keys; nothing of value was ever sealed to them.
"""

import os
import tempfile

_SCRATCH = os.path.join(tempfile.gettempdir(), f"kim-tests-{os.getuid()}")  # noqa: PTH118
os.makedirs(_SCRATCH, exist_ok=True)  # noqa: PTH103

_DEFAULTS = {
    "KIM_SECRET_KEY": "test-" * 10,
    # private 00…01 of P-256: the generator point itself
    "KIM_INSTANCE_PUBLIC_KEY": (
        "BGsX0fLhLEJH-Lzm5WOkQPJ3A32BLeszoPShOUXYmMKWT-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU"
    ),
    "KIM_INSTANCE_KEYS": "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAE",
    "KIM_SIGNING_KEY": "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc",
    "KIM_FIELD_KEY": "CAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAg",
    "KIM_S3_ACCESS_KEY": "kim-test",
    "KIM_S3_SECRET_KEY": "kim-test-secret",
    "KIM_NETWORK": "regtest",
    "KIM_DATABASE_URL": f"sqlite:///{_SCRATCH}/test-{os.getpid()}.sqlite3",
    "KIM_LOG_LEVEL": "WARNING",
    "KIM_STAFF_TWO_FACTOR": "0",  # tests/project/test_staff_doors.py switches it on
}
for _name, _value in _DEFAULTS.items():
    os.environ.setdefault(_name, _value)

from kim.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = [
    "django.contrib.auth.hashers.MD5PasswordHasher"
]  # fast; the algorithm is Django's
CACHES = {"default": {"BACKEND": "django.core.cache.backends.locmem.LocMemCache"}}
