#!/usr/bin/env bash
# Installs the system's Chromium, in which the dashboard is tested, where the system is Debian's and we are root.
# Where there is none this says so in one line and succeeds; with PETALITE_TEST_REQUIRE_BROWSER=1 that is an error.
set -u
command -v chromium >/dev/null && exit 0
if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium ..."
    apt-get update -qq >/dev/null 2>&1
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends chromium >/dev/null 2>&1
fi
command -v chromium >/dev/null && exit 0
echo "The browser tests are left out: Chromium is not installed." >&2
[ -z "${PETALITE_TEST_REQUIRE_BROWSER:-}" ]
