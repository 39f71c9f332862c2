#!/usr/bin/env bash
# Sees to it that Chromium and its driver are there: installs Debian's where it may, and says how where not.
set -euo pipefail

found() { command -v chromium > /dev/null && command -v chromedriver > /dev/null; }

if found; then exit 0; fi
if ! command -v apt-get > /dev/null; then
    echo "The browser test needs the commands chromium and chromedriver: install your system's packages of Chromium."
    exit 1
fi
if [ "$(id -u)" = 0 ]; then as_root=(env); else as_root=(sudo -n); fi
echo "browser: installing Debian's chromium and chromium-driver"
export DEBIAN_FRONTEND=noninteractive
if "${as_root[@]}" apt-get update -qq > /dev/null && "${as_root[@]}" apt-get install -y -qq --no-install-recommends chromium chromium-driver > /dev/null && found; then
    exit 0
fi
echo "The browser test needs Chromium. As root: apt-get install --no-install-recommends chromium chromium-driver"
exit 1
