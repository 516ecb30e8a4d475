#!/bin/bash
# Installs the Debian packages of the groups named in packages.txt that are missing. Does nothing,
# and needs no network, when all are there.
#
#   deploy/install-packages.sh GROUP...        e.g. build lab
#   deploy/install-packages.sh --list GROUP... prints the names instead
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

list_only=0
if [ "${1:-}" = --list ]; then
    list_only=1
    shift
fi
[ $# -gt 0 ] || { echo "install-packages.sh: name at least one group of deploy/packages.txt" >&2; exit 2; }

wanted=
for group in "$@"; do
    names=$(awk -v g="$group" '$1 == g { for (i = 2; i <= NF; i++) print $i }' "$here/packages.txt")
    [ -n "$names" ] || { echo "install-packages.sh: no group '$group' in deploy/packages.txt" >&2; exit 2; }
    wanted+=" $names"
done
if [ $list_only = 1 ]; then
    printf '%s\n' $wanted | sort -u
    exit 0
fi

installed() { dpkg-query -W -f '${Status}' "$1" 2>/dev/null | grep -q 'ok installed'; }

# One of several names is enough; of those not there, the first one that apt knows is taken.
missing=()
for entry in $(printf '%s\n' $wanted | sort -u); do
    found=0
    for name in ${entry//|/ }; do
        if installed "$name"; then found=1; break; fi
    done
    [ $found = 1 ] || missing+=("$entry")
done
[ ${#missing[@]} -gt 0 ] || exit 0
[ "$(id -u)" = 0 ] || { echo "install-packages.sh: missing ${missing[*]}; run as root, or install them" >&2; exit 1; }

export DEBIAN_FRONTEND=noninteractive
# The packages bring services (bird, redis, strongSwan) that must not start on the host by themselves.
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod 755 $policy
    trap 'rm -f $policy' EXIT
fi
echo "installing ${missing[*]}"
log=$(mktemp)
fail() { echo "install-packages.sh: $1; the last lines of apt:" >&2; tail -n 15 "$log" >&2; rm -f "$log"; exit 1; }
timeout 300 apt-get -q update >"$log" 2>&1 || fail "apt-get update failed"
names=()
for entry in "${missing[@]}"; do
    pick=
    for name in ${entry//|/ }; do
        if apt-cache show "$name" >/dev/null 2>&1; then pick=$name; break; fi
    done
    names+=("${pick:-${entry%%|*}}")
done
timeout 900 apt-get -q install -y --no-install-recommends "${names[@]}" >"$log" 2>&1 || fail "apt-get install failed"
rm -f "$log"
