#!/usr/bin/env bash
# One installation for many users, with JupyterHub and real users of this system. For root on Linux with npm:
#
#     make test-hub
#
# HERBARIUM_HUB    where hub, installation and homes go, readable by all: /var/tmp/herbarium-hub; a second run reuses it
# HERBARIUM_HUB_PYTHON    a Python that all users can run: /usr/bin/python3
# HERBARIUM_HUB_OUT    where the measurements go, one JSON line each: out/hub.jsonl
set -euo pipefail
cd "$(dirname "$0")/../.."
if [ "$(id -u)" != 0 ] || [ "$(uname)" != Linux ] || ! command -v npm > /dev/null; then
    echo "make test-hub makes users and lets them log in: it needs root, Linux and npm."
    exit 1
fi
export HERBARIUM_HUB="${HERBARIUM_HUB:-/var/tmp/herbarium-hub}"
export HERBARIUM_HUB_OUT="${HERBARIUM_HUB_OUT:-$PWD/out/hub.jsonl}"
umask 022
mkdir -p "$HERBARIUM_HUB" "$(dirname "$HERBARIUM_HUB_OUT")"
python="$HERBARIUM_HUB/python/bin/python"
# Every user runs this one: it must not be in root's home.
system="${HERBARIUM_HUB_PYTHON:-/usr/bin/python3}"
if [ ! -x "$python" ]; then
    "$system" -m venv "$HERBARIUM_HUB/python"
fi
"$python" -m pip install --disable-pip-version-check --quiet --requirement tests/hub/requirements.txt
[ -x "$HERBARIUM_HUB/node_modules/.bin/configurable-http-proxy" ] || npm install --silent --no-fund --no-audit --prefix "$HERBARIUM_HUB" configurable-http-proxy
: > "$HERBARIUM_HUB_OUT"
"$python" -m pytest -q -rs -p no:cacheprovider tests/hub "$@"
cat "$HERBARIUM_HUB_OUT"
