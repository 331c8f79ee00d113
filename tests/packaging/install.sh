#!/bin/sh
# Installs roma-migrate from the wheels beside this file, without any registry:  sh install.sh /opt/roma-migrate
# It needs the Python for which the archive was made (its name says which), with venv. It writes to that folder alone.
set -eu
[ $# -ge 1 ] || { echo "usage: sh install.sh FOLDER [PYTHON]" >&2; exit 2; }
here=$(cd "$(dirname "$0")" && pwd)
(cd "$here" && sha256sum --check --quiet SHA256SUMS)
"${2:-python3}" -m venv "$1"
"$1/bin/python" -m pip install --quiet --disable-pip-version-check --no-index --find-links "$here/wheels" \
    --require-hashes --requirement "$here/requirements.txt"
"$1/bin/roma-migrate" --version
echo "installed: $1/bin/roma-migrate; its manual: man -M $1/share/man roma-migrate"
