#!/bin/sh
# kim on one bare Debian 12 server: SQLite, Redis, Caddy, all processes under systemd. Run it again as
# often as you like: what is there stays, what is newer in the checkout is installed.
#
#   deploy/install.sh shop.example
#
# The first run writes /etc/kim/env and stops where something is for you to fill in (deploy/README.md).
set -eu
umask 022
DOMAIN="${1:-}"
SOURCE="$(cd "$(dirname "$0")/.." && pwd)"
HOME_OF_KIM=/srv/kim
SERVICES="web releaser crew"
EARLIER="worker verifier outbox beat daemon" # had units of their own; the crew is all five

fail() { echo "install.sh: $*" >&2; exit 1; }
step() { echo "== $*"; }
has_systemd() { [ -d /run/systemd/system ]; }
setting() { sed -n "s/^$1=//p" /etc/kim/env | tail -n 1; }
manage() { # as kim, with all settings; the keys of the releaser only where asked
  runuser -u kim -- sh -c 'set -a; . /etc/kim/env.shell; set +a; cd /srv/kim; exec .venv/bin/python manage.py "$@"' sh "$@"
}

[ "$(id -u)" = 0 ] || fail "run it as root."
[ -n "$DOMAIN" ] || fail "name the domain: deploy/install.sh shop.example"
[ -e /etc/debian_version ] || fail "this script is for Debian 12 or newer."

step "packages"
want=""
for each in ca-certificates python3 python3-venv redis-server caddy; do
  dpkg-query -W -f '${Status}' "$each" 2>/dev/null | grep -q 'ok installed' || want="$want $each"
done
if [ -n "$want" ]; then
  apt-get update -qq
  # shellcheck disable=SC2086
  DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $want >/dev/null
fi
python3 -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 is needed."

step "user and directories"
id kim >/dev/null 2>&1 || useradd --system --home-dir /var/lib/kim --shell /usr/sbin/nologin kim
install -d -m 755 $HOME_OF_KIM
install -d -m 700 -o kim -g kim /var/lib/kim /var/backups/kim
install -d -m 750 -g kim /etc/kim

step "code"
if [ "$SOURCE" != $HOME_OF_KIM ]; then
  # What a newer version does not have any more must go, or it would still be imported.
  for each in kim unlock payments static templates; do rm -rf "${HOME_OF_KIM:?}/$each"; done
  tar -C "$SOURCE" -cf - kim unlock payments static templates deploy manage.py requirements.txt \
    | tar -C $HOME_OF_KIM --no-same-owner -xf -
fi
[ -x $HOME_OF_KIM/.venv/bin/python ] || python3 -m venv $HOME_OF_KIM/.venv
if ! cmp -s $HOME_OF_KIM/requirements.txt $HOME_OF_KIM/.venv/installed.txt; then
  $HOME_OF_KIM/.venv/bin/python -m pip install -q --disable-pip-version-check --no-cache-dir \
    --require-hashes -r $HOME_OF_KIM/requirements.txt
  cp $HOME_OF_KIM/requirements.txt $HOME_OF_KIM/.venv/installed.txt
fi
$HOME_OF_KIM/.venv/bin/python -m compileall -q $HOME_OF_KIM/kim $HOME_OF_KIM/unlock $HOME_OF_KIM/payments

step "settings"
if [ ! -e /etc/kim/env ]; then
  made="$(cd $HOME_OF_KIM && .venv/bin/python -m kim.newsecrets)"
  (umask 077
   printf '%s\n' "$made" | grep '^KIM_INSTANCE_KEYS=' > /etc/kim/releaser.env
   { cat <<SETTINGS
KIM_PUBLIC_URL=https://$DOMAIN
KIM_DATABASE_URL=sqlite:////var/lib/kim/kim.sqlite3
KIM_REDIS_URL=redis://127.0.0.1:6379/0
KIM_TRUSTED_PROXIES=1
KIM_SIGNUP=invite
KIM_BACKUP_DIRECTORY=/var/backups/kim
# Fill in, then run install.sh again. docs/operations.md explains every setting.
KIM_NETWORK=mainnet
KIM_ELECTRUM_SERVERS=
KIM_S3_ENDPOINT=
KIM_S3_BUCKET=
KIM_S3_REGION=us-east-1
KIM_S3_ACCESS_KEY=
KIM_S3_SECRET_KEY=
KIM_EMAIL_URL=
SETTINGS
     printf '%s\n' "$made" | grep -v -e '^KIM_INSTANCE_KEYS=' -e '^#'
   } > /etc/kim/env)
  echo "/etc/kim/env and /etc/kim/releaser.env are new. Put the second on paper, off this machine."
fi
missing=""
for each in KIM_ELECTRUM_SERVERS KIM_S3_ENDPOINT KIM_S3_BUCKET KIM_S3_ACCESS_KEY KIM_S3_SECRET_KEY; do
  [ -n "$(setting $each)" ] || missing="$missing $each"
done
[ -z "$missing" ] || fail "fill in /etc/kim/env:$missing. Then run this again."
# For shells: the same values, quoted, as kim's own processes may read them. systemd reads the other.
(umask 027; sed -n "s/'/'\\\\''/g; s/^\([A-Z0-9_]*\)=\(.*\)$/\1='\2'/p" /etc/kim/env > /etc/kim/env.shell.new)
chgrp kim /etc/kim/env.shell.new && mv /etc/kim/env.shell.new /etc/kim/env.shell

step "database and store"
manage migrate --no-input -v 0
manage check --deploy --database default
manage check_storage --create

step "services"
install -d /etc/systemd/system/kim-.service.d /etc/systemd/system/caddy.service.d /etc/redis
for each in $EARLIER; do
  [ -e "/etc/systemd/system/kim-$each.service" ] || continue
  ! has_systemd || systemctl disable --now --quiet "kim-$each"
  rm "/etc/systemd/system/kim-$each.service"
done
cp $HOME_OF_KIM/deploy/systemd/kim* /etc/systemd/system/ 2>/dev/null || true
cp $HOME_OF_KIM/deploy/systemd/kim-.service.d/common.conf /etc/systemd/system/kim-.service.d/
cp $HOME_OF_KIM/deploy/Caddyfile /etc/caddy/Caddyfile
printf 'KIM_DOMAIN=%s\n' "$DOMAIN" > /etc/caddy/kim.env
printf '[Service]\nEnvironmentFile=/etc/caddy/kim.env\n' > /etc/systemd/system/caddy.service.d/kim.conf
KIM_DOMAIN="$DOMAIN" caddy validate --config /etc/caddy/Caddyfile --adapter caddyfile >/dev/null 2>&1 \
  || fail "caddy does not take /etc/caddy/Caddyfile."
if has_systemd; then
  systemctl daemon-reload
  systemctl enable --quiet redis-server caddy kim.target kim-backup.timer
  for each in $SERVICES; do systemctl enable --quiet "kim-$each"; done
  systemctl start redis-server kim-backup.timer
  # One after another: workers first, the pages last; none waits for another.
  for each in crew releaser web; do systemctl restart "kim-$each"; done
  systemctl start kim.target
  systemctl restart caddy
  deadline=$(($(date +%s) + 60))
  until python3 -c "import urllib.request as u; u.urlopen(u.Request('http://127.0.0.1:8000/healthz', headers={'Host': '$DOMAIN'}), timeout=5)" 2>/dev/null; do
    [ "$(date +%s)" -lt $deadline ] || fail "the web process does not answer: journalctl -u kim-web"
    sleep 1
  done
  echo "kim answers. Now: https://$DOMAIN/readyz, and the first login: see deploy/README.md."
else
  echo "systemd does not run here: units are in place, nothing was started."
fi
