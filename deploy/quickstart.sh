#!/bin/bash
# See a session outlive the death of its node: builds ikestra, makes a small internet of network
# namespaces on this host, connects a strongSwan client, and kills the node that serves it ten times.
#
#   deploy/quickstart.sh [--json FILE] [--kills N] [--keep-logs DIR]
#
# Needs root on Debian 12 or 13; installs the packages that are missing. Touches nothing outside its
# own namespaces. Ends 0 only if no SPI changed, nobody authenticated again, and the median outage is
# below 500 ms.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
build=${IK_BUILD:-$root/build}

[ "$(id -u)" = 0 ] || { echo "quickstart: needs root for network namespaces; try: sudo $0 $*" >&2; exit 1; }
[ -c /dev/net/tun ] || { echo "quickstart: /dev/net/tun is missing; modprobe tun" >&2; exit 1; }

"$root/deploy/install-packages.sh" build lab
log=$(mktemp)
trap 'rm -f "$log"' EXIT
echo "building ikestra ..."
# To see it work needs none of the tests' own packages; where they are, the build tree stays whole.
tests=OFF
pkg-config --exists criterion && tests=ON
if ! { cd "$root" && cmake --preset release -B "$build/release" -DIKESTRA_TESTS=$tests && ninja -C "$build/release" ikestrad ikestra ikestra-lb; } >"$log" 2>&1; then
    echo "quickstart: the build failed:" >&2
    tail -n 30 "$log" >&2
    exit 1
fi
python3 "$root/deploy/quickstart.py" --build "$build/release" "$@"
