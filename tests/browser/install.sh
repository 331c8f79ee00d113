#!/bin/sh
# Chromium by apt where root may do so, and the accessibility checker axe-core by npm, into the folder that is named.
# What cannot be had is said in a line: its tests then say the same, and with CI set they fail.
set -u
axe=axe-core@4.14.1

if [ -n "${ROMA_TEST_CHROMIUM:-}" ] || command -v chromium chromium-browser google-chrome >/dev/null 2>&1; then
    :
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null 2>&1; then
    echo "installing chromium"
    { apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends install chromium fonts-dejavu-core; } \
        >/dev/null 2>&1 || echo "chromium could not be installed: the browser tests will say so"
else
    echo "no chromium, and no right to install it: name one in ROMA_TEST_CHROMIUM"
fi

[ -f "$1/axe.min.js" ] && exit 0
if ! command -v npm >/dev/null 2>&1; then
    echo "no npm to fetch $axe: the accessibility tests will say so"
    exit 0
fi
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
if (cd "$folder" && npm pack --silent "$axe" >/dev/null 2>&1 && tar xzf ./*.tgz); then
    mkdir -p "$1" && mv "$folder/package/axe.min.js" "$folder/package/LICENSE" "$1"
else
    echo "$axe could not be fetched: the accessibility tests will say so"
fi
