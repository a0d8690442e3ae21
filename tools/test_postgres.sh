#!/usr/bin/env bash
# Runs the tests marked `postgres` against a PostgreSQL server of its own, which it starts and removes.
# Needs a PostgreSQL installation; installs Debian's where it is root.
set -euo pipefail
python="$1"
find_bin() { ls -d /usr/lib/postgresql/*/bin 2>/dev/null | tail -n 1; }
if [ -z "$(find_bin)" ] && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing PostgreSQL ..."
    apt-get update -qq >/dev/null 2>&1
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq postgresql >/dev/null 2>&1
fi
bin="$(find_bin)"
[ -n "$bin" ] || { echo "PostgreSQL is not installed; install it, or set PETALITE_TEST_POSTGRES_URL and run pytest -m postgres." >&2; exit 1; }

folder="$(mktemp -d)"
as_owner() { if [ "$(id -u)" = 0 ]; then runuser -u postgres -- "$@"; else "$@"; fi; }
[ "$(id -u)" != 0 ] || chown postgres "$folder"
cleanup() { as_owner "$bin/pg_ctl" -D "$folder/data" -m immediate -s stop || true; rm -rf "$folder"; }
trap cleanup EXIT
as_owner "$bin/initdb" -D "$folder/data" -A trust -U postgres >/dev/null
port=55432
# Without fsync what was committed outlives every process that the tests kill, the server too, but not the power.
as_owner "$bin/pg_ctl" -D "$folder/data" -s -w -l "$folder/log" \
    -o "-p $port -c fsync=off -c full_page_writes=off -c listen_addresses=127.0.0.1 -c unix_socket_directories=$folder" start
PETALITE_TEST_POSTGRES_URL="postgresql://postgres@127.0.0.1:$port/postgres" "$python" -m pytest -n "${PROCESSES:-2}" --dist loadfile -m "postgres and not slow" -q
