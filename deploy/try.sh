#!/bin/bash
# Tries deploy/install.sh in a fresh Debian root, without systemd: the units' own commands are started by
# hand, as their user and with their environment files. Needs root, debootstrap, and this checkout's .venv.
#
#   deploy/try.sh /tmp/fresh-root
#
# The store and the chain are the embedded ones, outside of the root; everything is in a network of its own.
set -euo pipefail
ROOT="${1:?a directory for the root}"
HERE="$(cd "$(dirname "$0")/.." && pwd)"
PORT=21000 # of the embedded store and chain

inside() { chroot "$ROOT" env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 "$@"; }

if [ "${2:-}" = --inside ]; then
  mount -t proc proc /proc
  mount -t proc proc "$ROOT/proc"
  mount --rbind /dev "$ROOT/dev"
  ip link set lo up
  PYTHONPATH="$HERE" "$HERE/.venv/bin/python" - "$PORT" "$ROOT/root/outer" > "$ROOT/root/outer.env" 2> "$ROOT/root/outer.log" <<'PYTHON' &
import sys, signal
from pathlib import Path
from kim.embedded import Layout, write_store_config
from kim.stack import Stack
stack = Stack(Layout(Path(sys.argv[2]), int(sys.argv[1])), environ={"PATH": "/usr/bin:/bin"})
key, secret = stack.secrets["KIM_S3_ACCESS_KEY"], stack.secrets["KIM_S3_SECRET_KEY"]
write_store_config(stack.layout.data / "s3.json", key, secret)
for part in stack.outer:
    if part.name != "redis":
        stack.spawn(part.name)
        stack.wait_ready(part.name)
print(f"KIM_NETWORK=regtest\nKIM_ELECTRUM_SERVERS=127.0.0.1:{stack.layout.electrum_port}:t")
print(f"KIM_S3_ENDPOINT=http://127.0.0.1:{stack.layout.s3_port}\nKIM_S3_BUCKET=kim")
print(f"KIM_S3_ACCESS_KEY={key}\nKIM_S3_SECRET_KEY={secret}", flush=True)
signal.pause()
PYTHON
  for _ in $(seq 120); do grep -q SECRET_KEY= "$ROOT/root/outer.env" && break; sleep 1; done
  grep -q SECRET_KEY= "$ROOT/root/outer.env" || { cat "$ROOT/root/outer.log"; exit 1; }
  while IFS='=' read -r name value; do
    sed -i "s|^$name=.*|$name=$value|" "$ROOT/etc/kim/env"
  done < "$ROOT/root/outer.env"
  inside redis-server --bind 127.0.0.1 --daemonize yes --logfile "" >/dev/null
  echo "== the second run"
  time inside /root/kim/deploy/install.sh localhost
  echo "== once more: nothing new"
  time inside /root/kim/deploy/install.sh localhost > "$ROOT/root/third.log"
  for unit in "$HERE"/deploy/systemd/kim-*.service; do
    name="$(basename "$unit" .service)"
    [ "$name" = kim-backup ] && continue
    command="$(sed -n 's/^ExecStart=//p' "$unit")"
    more=""; grep -q releaser.env "$unit" && more=". /root/releaser.shell;"
    sed "s/=\(.*\)/='\1'/" "$ROOT/etc/kim/releaser.env" > "$ROOT/root/releaser.shell"
    inside sh -c "set -a; . /etc/kim/env.shell; $more MALLOC_ARENA_MAX=1; cd /srv/kim
      exec setpriv --reuid kim --regid kim --init-groups $command" > "$ROOT/root/$name.log" 2>&1 &
  done
  inside sh -c 'set -a; . /etc/caddy/kim.env; exec caddy run --config /etc/caddy/Caddyfile --adapter caddyfile' > "$ROOT/root/caddy.log" 2>&1 &
  began=$SECONDS
  until curl -sk --max-time 5 https://localhost/healthz | grep -q ok; do
    [ $((SECONDS - began)) -lt 180 ] || { tail -n 5 "$ROOT"/root/*.log; exit 1; }
    sleep 1
  done
  echo "== https answers after $((SECONDS - began)) s"
  for _ in $(seq 60); do
    curl -sk --max-time 5 https://localhost/readyz | grep -q '"ok": *true' && break; sleep 2
  done
  curl -sk https://localhost/readyz; echo
  curl -skI https://localhost/ | grep -i -e strict-transport -e ^HTTP
  curl -sk -o /dev/null -w 'metrics through Caddy: %{http_code}\n' https://localhost/metrics
  inside sh -c 'set -a; . /etc/kim/env.shell; cd /srv/kim; exec setpriv --reuid kim --regid kim --init-groups .venv/bin/python manage.py backup /var/backups/kim --keep 30'
  sleep 30
  echo "== memory, idle: PSS in MB"
  total=0
  for pid in $(ls /proc | grep -E '^[0-9]+$'); do
    [ "$(readlink "/proc/$pid/root" 2>/dev/null)" = "$ROOT" ] || continue
    pss="$(sed -n 's/^Pss: *\([0-9]*\) kB/\1/p' "/proc/$pid/smaps_rollup" 2>/dev/null)" || continue
    [ -n "$pss" ] || continue
    printf '%6d  %s\n' $((pss / 1024)) "$(tr '\0' ' ' < "/proc/$pid/cmdline" | cut -c1-110)"
    total=$((total + pss))
  done
  echo "$((total / 1024)) in all"
  exit 0
fi

[ -x "$ROOT/usr/bin/apt-get" ] || debootstrap --variant=minbase bookworm "$ROOT"
cp /etc/resolv.conf "$ROOT/etc/resolv.conf"
echo "127.0.0.1 localhost" > "$ROOT/etc/hosts"
mkdir -p "$ROOT/root/kim"
git -C "$HERE" ls-files -z -co --exclude-standard -- kim unlock payments static templates deploy manage.py requirements.txt \
  | tar -C "$HERE" --null -T - -cf - | tar -C "$ROOT/root/kim" -xf -
echo "== the first run"
time unshare --mount --pid --fork sh -c "mount -t proc proc '$ROOT/proc'; for each in ${TRY_BINDS:-}; do mkdir -p $ROOT\$each; mount --bind \$each $ROOT\$each; done
  chroot '$ROOT' env -i HOME=/root PATH=/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 ${TRY_ENV:-} /root/kim/deploy/install.sh localhost" || true
exec unshare --mount --net --pid --fork --kill-child "$0" "$ROOT" --inside
