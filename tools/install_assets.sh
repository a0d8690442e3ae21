#!/usr/bin/env bash
# Takes the dashboard's scripts of others from npm, as services/dashboard/package-lock.json names them by content.
# Node is needed for this step alone, and nothing of theirs is run by it. Where there is none this says so in one line
# and succeeds: the service then shows pages without figures. With PETALITE_TEST_REQUIRE_BROWSER=1 that is an error.
set -u
here="$(cd "$(dirname "$0")" && pwd)"
dashboard="$here/../services/dashboard"
vendor="$dashboard/vendor"
for_tests="$here/../tests/browser/vendor"

leave_out() {
    echo "The dashboard's figures are left out: $1. Install node and npm, then 'make assets'." >&2
    [ -z "${PETALITE_TEST_REQUIRE_BROWSER:-}" ]
    exit
}
command -v npm >/dev/null || leave_out "npm is not installed"

work="$(mktemp -d)"
trap 'rm -rf "$work"' EXIT
cp "$dashboard/package.json" "$dashboard/package-lock.json" "$dashboard/.npmrc" "$work"
echo "Installing the dashboard's scripts ..."
npm ci --prefix "$work" --ignore-scripts --no-audit --no-fund --silent || leave_out "npm could not install them"

modules="$work/node_modules"
rm -rf "$vendor" "$for_tests" && mkdir -p "$vendor" "$for_tests"
cp "$modules/htmx.org/dist/htmx.min.js" "$vendor/htmx.js"
cp "$modules/plotly.js-strict-dist-min/plotly-strict.min.js" "$vendor/plotly.js"
cp "$modules/3dmol/build/3Dmol-min.js" "$vendor/3dmol.js"
for package in htmx.org plotly.js-strict-dist-min 3dmol; do
    cp "$modules/$package/LICENSE" "$vendor/$package.LICENSE"
done
gzip --keep --best --no-name "$vendor"/*.js
cp "$modules/axe-core/axe.min.js" "$for_tests/axe.js"
