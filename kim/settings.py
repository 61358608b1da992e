"""Every setting, read from the environment through ``kim.env``; documented in docs/operations.md.

Nothing secret has a default, and nothing is read from the environment elsewhere.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

import django
from celery.schedules import crontab

from kim import env, env_stores
from kim.logs import configuration as _log_configuration
from unlock import published

ROOT = Path(__file__).resolve().parent.parent

# --- the instance -------------------------------------------------------------------------------
KIM_VERSION = "0.1.0"
KIM_PUBLIC_URL = env.web_address("KIM_PUBLIC_URL", "http://127.0.0.1:8000")
KIM_INSTANCE_NAME = env.text("KIM_INSTANCE_NAME", "kim")
KIM_SIGNUP = env.choice("KIM_SIGNUP", ("open", "invite", "closed"), "open")
KIM_WINDING_DOWN = env.boolean("KIM_WINDING_DOWN", default=False)
if KIM_WINDING_DOWN:
    KIM_SIGNUP = "closed"
DEBUG = env.boolean("KIM_DEBUG", default=False)
SECRET_KEY = env.text("KIM_SECRET_KEY")
if len(SECRET_KEY) < 32:
    raise env.BadSetting("KIM_SECRET_KEY must have at least 32 characters.")

KIM_BACKUP_DIRECTORY = env.text("KIM_BACKUP_DIRECTORY", "")  # looked at by check --deploy only
KIM_SECURITY_CONTACT = env.contact("KIM_SECURITY_CONTACT")  # for /.well-known/security.txt
KIM_STAFF_TWO_FACTOR = env.boolean("KIM_STAFF_TWO_FACTOR", default=True)
KIM_STAFF_IDLE_MINUTES = env.integer("KIM_STAFF_IDLE_MINUTES", 60, least=5, most=720)
KIM_METRICS_TOKEN = env.text("KIM_METRICS_TOKEN", "")  # empty: there is no /metrics
if KIM_METRICS_TOKEN and len(KIM_METRICS_TOKEN) < 16:
    raise env.BadSetting("KIM_METRICS_TOKEN must have at least 16 characters, or be empty.")

# --- keys (who holds which: docs/threat-model.md) -----------------------------------------------
KIM_INSTANCE_PUBLIC_KEY = env.secret_bytes("KIM_INSTANCE_PUBLIC_KEY", length=65)  # all processes
KIM_INSTANCE_KEYS = tuple(  # private halves, newest first; in the releaser's environment only
    env.decode("KIM_INSTANCE_KEYS", word, length=32) for word in env.words("KIM_INSTANCE_KEYS")
)
KIM_SIGNING_KEY = env.secret_bytes("KIM_SIGNING_KEY", length=32)  # Ed25519: receipts, tickets
KIM_FIELD_KEY = env.secret_bytes("KIM_FIELD_KEY", length=32)  # seals xpubs at rest
KIM_FIELD_KEYS_MORE = tuple(  # open as well, while the key is changed
    env.decode("KIM_FIELD_KEYS_MORE", word, length=32) for word in env.words("KIM_FIELD_KEYS_MORE")
)

# --- the chain ----------------------------------------------------------------------------------
KIM_NETWORK = env.choice("KIM_NETWORK", ("mainnet", "chipnet", "regtest"), "regtest")
KIM_SOCKS_PROXY = env.loopback("KIM_SOCKS_PROXY")
KIM_ELECTRUM_SERVERS = env.electrum_servers("KIM_ELECTRUM_SERVERS", socks=KIM_SOCKS_PROXY)
KIM_ELECTRUM_TIMEOUT_SECONDS = env.integer("KIM_ELECTRUM_TIMEOUT_SECONDS", 15, least=1, most=120)
KIM_SWEEP_SECONDS = env.integer("KIM_SWEEP_SECONDS", 60, least=1, most=3600)
KIM_FORWARD_SECONDS = env.integer("KIM_FORWARD_SECONDS", 60, least=1, most=3600)
KIM_FORWARD_MIN_SAT = env.integer("KIM_FORWARD_MIN_SAT", 0, most=100_000_000)
KIM_FORWARD_FEE_MSAT_PER_BYTE = env.integer(
    "KIM_FORWARD_FEE_MSAT_PER_BYTE", 1_000, least=1_000, most=4_000
)
KIM_INSTANT_OPERATORS = env.integer("KIM_INSTANT_OPERATORS", 2, least=1, most=9)
KIM_QUOTE_MINUTES = env.integer("KIM_QUOTE_MINUTES", 20, least=1, most=120)
KIM_SUGGESTED_PAYOUT = env.text("KIM_SUGGESTED_PAYOUT", "")  # regtest: the devchain wallet
KIM_DEVCHAIN_URL = env.text("KIM_DEVCHAIN_URL", "")  # regtest: shown as "pay from the dev wallet"

# --- rates --------------------------------------------------------------------------------------
KIM_RATE_SOURCES = env.words("KIM_RATE_SOURCES", "kraken,bitstamp,coinbase,coingecko,bitpay")
KIM_RATE_SECONDS = env.integer("KIM_RATE_SECONDS", 60, least=5, most=240)
KIM_RATE_BASE_URL = env.text("KIM_RATE_BASE_URL", "")  # a proxy (or a test) in front of all sources
KIM_RATE_BOUNDS = env.rate_bounds("KIM_RATE_BOUNDS")  # of 1 BCH; payments.rate_rules has defaults
KIM_RATE_SPREAD_BPS = env.integer("KIM_RATE_SPREAD_BPS", 0, most=500)  # on top of fiat prices
KIM_DEVELOPMENT_RATE = env.number("KIM_DEVELOPMENT_RATE", "400")  # regtest: 1 BCH in EUR, labelled

# --- telling creators ---------------------------------------------------------------------------
KIM_WEBHOOK_ALLOW_HTTP = env.boolean("KIM_WEBHOOK_ALLOW_HTTP", default=False)
KIM_WEBHOOK_PRIVATE_TARGETS = tuple(
    host.lower()
    for host in env.words("KIM_WEBHOOK_PRIVATE_TARGETS")  # as in the address
)
KIM_PAYOUT_WAIT_SECONDS = env.integer("KIM_PAYOUT_WAIT_SECONDS", 86_400, most=2_592_000)
KIM_KEEP_MESSAGES_DAYS = env.integer("KIM_KEEP_MESSAGES_DAYS", 90, least=14, most=3650)
_mail = env.mail("KIM_EMAIL_URL")
HAS_MAIL = _mail is not None  # without it notices are on the pages only
EMAIL_BACKEND = f"django.core.mail.backends.{_mail.backend if _mail else 'dummy'}.EmailBackend"
EMAIL_HOST, EMAIL_PORT = (_mail.host, _mail.port) if _mail else ("", 0)
EMAIL_HOST_USER, EMAIL_HOST_PASSWORD = (_mail.user, _mail.password) if _mail else ("", "")
EMAIL_USE_TLS = _mail is not None and _mail.tls == "starttls"
EMAIL_USE_SSL = _mail is not None and _mail.tls == "tls"
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = env.text(
    "KIM_EMAIL_FROM", f"kim@{urlsplit(KIM_PUBLIC_URL).hostname or 'localhost'}"
)

# --- stores -------------------------------------------------------------------------------------
# The first takes uploads; "main" is KIM_S3_*, any other name KIM_STORE_<NAME>_* (docs/stores.md).
KIM_STORES = env_stores.read(
    "KIM_STORES",
    main=(
        "KIM_S3_ENDPOINT",
        "KIM_S3_PUBLIC_ENDPOINT",
        "KIM_S3_BUCKET",
        "KIM_S3_REGION",
        "KIM_S3_ACCESS_KEY",
        "KIM_S3_SECRET_KEY",
        "KIM_S3_PATH_STYLE",
        "KIM_S3_READ_ONLY",
    ),
)
KIM_COPIES = env_stores.copies("KIM_COPIES", KIM_STORES)
KIM_REHASH_DAYS = env.integer("KIM_REHASH_DAYS", 30, least=1, most=365)
KIM_REHASH_MBIT = env.integer("KIM_REHASH_MBIT", 200, least=1, most=100_000)

# --- limits -------------------------------------------------------------------------------------
KIM_MAX_FILE_BYTES = env.integer("KIM_MAX_FILE_BYTES", 100 * 2**30, least=1)
KIM_CREATOR_MAX_BYTES = env.integer("KIM_CREATOR_MAX_BYTES", 0, least=0)
KIM_CREATOR_MAX_FILES = env.integer("KIM_CREATOR_MAX_FILES", 0, least=0)
KIM_INSTANCE_MAX_BYTES = env.integer("KIM_INSTANCE_MAX_BYTES", 0, least=0)
KIM_INSTANCE_MAX_FILES = env.integer("KIM_INSTANCE_MAX_FILES", 0, least=0)
KIM_EGRESS_VISITOR_BYTES = env.integer("KIM_EGRESS_VISITOR_BYTES", 10 * 2**30, least=0)
KIM_EGRESS_FILE_BYTES = env.integer("KIM_EGRESS_FILE_BYTES", 200 * 2**30, least=0)
KIM_EGRESS_INSTANCE_BYTES = env.integer("KIM_EGRESS_INSTANCE_BYTES", 0, least=0)
KIM_TAKEDOWN_GRACE_HOURS = env.integer("KIM_TAKEDOWN_GRACE_HOURS", 30 * 24, least=0)
KIM_UPLOAD_STALE_HOURS = env.integer("KIM_UPLOAD_STALE_HOURS", 7 * 24, least=1)
KIM_PURCHASES_OPEN_PER_IP = env.integer("KIM_PURCHASES_OPEN_PER_IP", 3, least=1)
KIM_LOCATIONS_PER_PURCHASE = env.integer("KIM_LOCATIONS_PER_PURCHASE", 200, least=1)
KIM_RATE_SIGNUP = env.rate("KIM_RATE_SIGNUP", "10/hour")
KIM_RATE_LOGIN = env.rate("KIM_RATE_LOGIN", "20/minute")
KIM_RATE_PURCHASE = env.rate("KIM_RATE_PURCHASE", "10/minute")
KIM_RATE_PRESIGN = env.rate("KIM_RATE_PRESIGN", "600/minute")
KIM_RATE_REPORT = env.rate("KIM_RATE_REPORT", "10/hour")
KIM_RATE_RECOVERY = env.rate("KIM_RATE_RECOVERY", "120/minute")
KIM_RATE_ANY = env.rate("KIM_RATE_ANY", "1200/minute")
KIM_TRUSTED_PROXIES = env.integer("KIM_TRUSTED_PROXIES", 0, most=5)  # hops that set X-Forwarded-For
KIM_LIVE_REREAD_SECONDS = env.integer("KIM_LIVE_REREAD_SECONDS", 5, least=1, most=60)

# --- Django -------------------------------------------------------------------------------------
_public = urlsplit(KIM_PUBLIC_URL)
ALLOWED_HOSTS = [_public.hostname or "", "localhost", *env.words("KIM_HOSTS")]
CSRF_TRUSTED_ORIGINS = [KIM_PUBLIC_URL]
_https = _public.scheme == "https"
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = _https
SESSION_COOKIE_NAME = "__Host-session" if _https else "kim-session"
# Readable by our own page, which copies it into the X-CSRFToken header.
CSRF_COOKIE_NAME = "__Host-csrftoken" if _https else "csrftoken"
SESSION_COOKIE_SAMESITE = CSRF_COOKIE_SAMESITE = "Lax"
SESSION_COOKIE_HTTPONLY = True
SESSION_ENGINE = "kim.sessions"
SECURE_HSTS_SECONDS = 31_536_000 if _https else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _https
SECURE_HSTS_PRELOAD = _https
# Redirecting is the reverse proxy's business (deploy/ has it): health probes speak plain HTTP.
SECURE_SSL_REDIRECT = False
SILENCED_SYSTEM_CHECKS = ["security.W008"]
SECURE_REFERRER_POLICY = "no-referrer"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
SECURE_CONTENT_TYPE_NOSNIFF = True
CSRF_FAILURE_VIEW = "kim.pages.csrf_failed"
if KIM_TRUSTED_PROXIES and _https:
    SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
X_FRAME_OPTIONS = "DENY"
DATA_UPLOAD_MAX_MEMORY_SIZE = 256 * 1024  # nothing larger than JSON ever comes through us

INSTALLED_APPS = [
    "kim.apps.StaffConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "payments.apps.PaymentsConfig",
    "unlock.apps.UnlockConfig",
    "kim.apps.KimConfig",
]
MIDDLEWARE = [
    "kim.middleware.headers",
    "kim.middleware.noted",
    "kim.middleware.any_origin",
    "kim.middleware.standing",
    "kim.middleware.small",
    "kim.middleware.one_origin",
    "django.middleware.security.SecurityMiddleware",
    "kim.statics.served",
    "kim.middleware.languages",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "kim.middleware.errors",
]
ROOT_URLCONF = "kim.urls"
ASGI_APPLICATION = "kim.asgi.application"
WSGI_APPLICATION = "kim.wsgi.application"
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "kim.context.instance",
            ]
        },
    }
]
DATABASES = {
    "default": env.database("KIM_DATABASE_URL", f"sqlite:///{ROOT / 'var' / 'kim.sqlite3'}")
}
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
AUTH_PASSWORD_VALIDATORS = [  # staff only: creators send a derived value (docs/protocol.md)
    {
        "NAME": "django.contrib.auth.password_validation.MinimumLengthValidator",
        "OPTIONS": {"min_length": 12},
    },
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("de", "Deutsch")]  # their catalogues: make texts
# Set by the page's own switch; the server only reads it.
LANGUAGE_COOKIE_NAME = "__Host-kim-language" if _https else "kim-language"
LOCALE_PATHS = [ROOT / "locale"]
USE_I18N = True
TIME_ZONE = "UTC"
USE_TZ = True

# Redis is an alarm clock and a counter, never a memory: losing it loses no fact.
KIM_REDIS_URL = env.redis("KIM_REDIS_URL", "redis://127.0.0.1:8010/0")
CACHES = {
    "default": {
        "BACKEND": "kim.pools.Cache",
        "LOCATION": KIM_REDIS_URL,
        "VERSION": 2,  # JSON; what older versions left is not read
        "OPTIONS": {
            "pool_class": "kim.pools.RedisPool",
            "serializer": "kim.pools.Json",
            "socket_connect_timeout": 2,
            "socket_timeout": 2,
        },
    }
}

# The address changes exactly when a byte does: files keep their names, so ES modules import each
# other by relative paths with no import map and no rewriting (docs/adr/0005 and 0011).
STATIC_URL = f"/static/{published.version(django.__version__)}/"
STATICFILES_DIRS = [published.ROOT]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["rest_framework.authentication.SessionAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.AllowAny"],
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["kim.api.Parser"],
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "kim.api.answer",
    "DEFAULT_THROTTLE_CLASSES": [
        "kim.throttles.AnyThrottle",
        "kim.throttles.ScopedThrottle",
        "kim.throttles.TokenThrottle",
    ],
    "DEFAULT_THROTTLE_RATES": {
        "signup": KIM_RATE_SIGNUP,
        "login": KIM_RATE_LOGIN,
        "purchase": KIM_RATE_PURCHASE,
        "presign": KIM_RATE_PRESIGN,
        "report": KIM_RATE_REPORT,
        "recovery": KIM_RATE_RECOVERY,
        "any": KIM_RATE_ANY,
    },
    "NUM_PROXIES": KIM_TRUSTED_PROXIES,
    "UNAUTHENTICATED_USER": "django.contrib.auth.models.AnonymousUser",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "kim",
    "DESCRIPTION": "Sell encrypted files for Bitcoin Cash.",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "ENUM_ADD_EXPLICIT_BLANK_NULL_CHOICE": False,
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "kim.openapi.complete",
    ],
}

# --- Celery: hints wake it, beat keeps the promise ----------------------------------------------
CELERY_BROKER_URL = KIM_REDIS_URL
# Kombu would encrypt and then take any certificate; the other lines to Redis check by themselves.
CELERY_BROKER_USE_SSL = KIM_REDIS_URL.startswith("rediss://") and {
    "ssl_cert_reqs": "required",
    "ssl_check_hostname": True,
}
CELERY_TASK_IGNORE_RESULT = True
CELERY_TASK_ACKS_LATE = True
CELERY_TASK_REJECT_ON_WORKER_LOST = True
CELERY_TASK_TIME_LIMIT = 6 * 3600
CELERY_WORKER_PREFETCH_MULTIPLIER = 1
CELERY_WORKER_HIJACK_ROOT_LOGGER = False
CELERY_BROKER_CONNECTION_RETRY_ON_STARTUP = True
CELERY_BROKER_CONNECTION_MAX_RETRIES = (
    None  # a worker that gave Redis up would release nothing more
)
CELERY_BROKER_TRANSPORT_OPTIONS = {
    "visibility_timeout": 7 * 3600,
    # Longer than the second that a worker's poll takes, and no longer: a buyer may wait for it.
    "socket_timeout": 4,
    "socket_connect_timeout": 2,
    "retry_on_timeout": False,
    # A hint that cannot be sent at once is dropped: the sweep stands behind it, a buyer waits here.
    "max_retries": 1,
    "interval_start": 0,
    "interval_step": 0.1,
    "interval_max": 0.2,
}
CELERY_TIMEZONE = "UTC"
# Neither servers that hang nor the re-hashing of gigabytes may make a release wait: keys have a
# queue and a process of their own, and it alone holds the private keys.
# What talks to creators' own servers has a third, in a process that holds no private key.
CELERY_TASK_ROUTES = {
    "unlock.announce": {"queue": "keys"},
    "unlock.release_key": {"queue": "keys"},
    "unlock.verify_upload": {"queue": "slow"},
    "unlock.tend_copy": {"queue": "slow"},
    "unlock.delete_removed": {"queue": "slow"},
    "unlock.deliver": {"queue": "outbox"},
    "unlock.mail_notices": {"queue": "outbox"},
    "unlock.tell_health": {"queue": "outbox"},
    "unlock.prune_messages": {"queue": "outbox"},
}
CELERY_TASK_DEFAULT_QUEUE = "quick"
CELERY_BEAT_SCHEDULER = "kim.beats:Scheduler"  # of several one sends
CELERY_BEAT_SCHEDULE = {
    "sweep": {"task": "payments.sweep", "schedule": KIM_SWEEP_SECONDS},
    "forward": {"task": "payments.forward", "schedule": KIM_FORWARD_SECONDS},
    "rebroadcast": {"task": "payments.rebroadcast", "schedule": 600},
    "rebroadcast-payments": {"task": "payments.rebroadcast_payments", "schedule": 120},
    "look-refunds": {"task": "payments.look_refunds", "schedule": KIM_SWEEP_SECONDS},
    "fetch-rates": {"task": "payments.fetch_rates", "schedule": 5},  # a source that failed is due
    "announce": {"task": "unlock.announce", "schedule": 5},
    "deliver": {"task": "unlock.deliver", "schedule": 5, "options": {"expires": 30}},
    "mail-notices": {"task": "unlock.mail_notices", "schedule": 15, "options": {"expires": 60}},
    "tell-health": {"task": "unlock.tell_health", "schedule": 60, "options": {"expires": 60}},
    # By the clock of the day: an instance that is restarted every night prunes all the same.
    "prune-messages": {"task": "unlock.prune_messages", "schedule": crontab(hour=3, minute=17)},
    "change-payouts": {"task": "unlock.change_payouts", "schedule": 15, "options": {"expires": 60}},
    "keep-marks": {"task": "unlock.keep_marks", "schedule": 60},
    "withdraw-removed": {"task": "unlock.withdraw_removed", "schedule": 30},
    "delete-removed": {"task": "unlock.delete_removed", "schedule": 600},
    "keep-egress": {"task": "unlock.keep_egress", "schedule": 60, "options": {"expires": 60}},
    "resume-uploads": {"task": "unlock.resume_uploads", "schedule": 30},
    "plan-copies": {"task": "unlock.plan_copies", "schedule": 30, "options": {"expires": 30}},
    "remove-orphans": {"task": "unlock.remove_orphans", "schedule": 3600},
    "abort-stale-uploads": {"task": "unlock.abort_stale_uploads", "schedule": 3600},
}

_level = env.choice("KIM_LOG_LEVEL", ("DEBUG", "INFO", "WARNING", "ERROR"), "INFO")
LOGGING = _log_configuration(level=_level, as_json=not DEBUG)
LOGGING_CONFIG = "logging.config.dictConfig"
