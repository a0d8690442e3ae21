#!/usr/bin/env bash
# Installs GPAW (GPL-3.0-or-later, optional) with the pip given, serial and without MPI.
# Where it cannot be built this says so in one line and succeeds: every other fidelity works without it.
# With PETALITE_TEST_REQUIRE_DFT=1 a missing GPAW is an error.
set -u
pip="$1"
here="$(cd "$(dirname "$0")" && pwd)"

"$(dirname "$pip")/python" -c 'import importlib.util as u, sys; sys.exit(u.find_spec("gpaw") is None)' && exit 0

can_build() {
    command -v g++ >/dev/null && echo '#include <xc.h>' | cc -E - >/dev/null 2>&1 \
        && echo 'int main(void) { return 0; }' | cc -x c - -o /dev/null -lblas -lxc 2>/dev/null
}
if ! can_build && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing the headers of libxc and OpenBLAS, which GPAW is built with ..."
    apt-get update -qq >/dev/null 2>&1
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq libxc-dev libopenblas-dev g++ >/dev/null 2>&1
fi
echo "Building GPAW (half a minute) ..."
log="$(mktemp)"
if GPAW_CONFIG="$here/gpaw_siteconfig.py" "$pip" install --disable-pip-version-check --quiet \
    --constraint "$here/../constraints.txt" gpaw gpaw-data >"$log" 2>&1; then
    exit 0
fi
tail -n 5 "$log" >&2
echo "DFT is left out: GPAW could not be built. Install libxc-dev and libopenblas-dev (or your system's equivalents), then 'make dft'."
[ -z "${PETALITE_TEST_REQUIRE_DFT:-}" ]
