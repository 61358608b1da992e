#!/bin/sh
# System packages, by apt-get, when they are missing. `app`: what `make run` needs (venv);
# `test`: on top, Chromium for the browser stories, Firefox and WebKit (with the screen it wants) for
# tests/browsers, PostgreSQL for the races, fonts for the screenshots. Without root it says what to
# install, and stops.
set -eu
want=""
need() { # package, file that proves it
  [ -e "$2" ] || want="$want $1"
}
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then want="$want python3-venv"; fi
if [ "${1:-app}" = test ]; then
  need chromium /usr/bin/chromium
  need firefox-esr /usr/bin/firefox-esr
  need webkit2gtk-driver /usr/bin/WebKitWebDriver
  need xvfb /usr/bin/Xvfb
  need postgresql /usr/lib/postgresql
  need fonts-dejavu-core /usr/share/fonts/truetype/dejavu/DejaVuSans.ttf
  command -v node >/dev/null 2>&1 || want="$want nodejs npm"
fi
[ -z "$want" ] && exit 0
if [ "$(id -u)" != 0 ]; then
  echo "Missing:$want. Install them: sudo apt-get install$want" >&2
  exit 1
fi
echo "Installing$want"
apt-get update -qq
# shellcheck disable=SC2086
DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $want >/dev/null
