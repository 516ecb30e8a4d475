#!/bin/bash
# One TCP flow and small UDP packets through our userspace ESP, beside kernel-libipsec and wireguard-go.
set -u
. "$(dirname "$0")/../support/part.sh"

ik_build release esp-end || exit 1
log=$IK_LOGS/bench-esp.json
TMPDIR=$IK_LOGS timeout --kill-after=10 900 env ESP_END="$IK_BUILD/release/tests/bench/esp/esp-end" \
    "$IK_ROOT/tests/bench/esp/run.sh" "$@" 2>"$IK_LOGS/bench-esp.err" | tee "$log"
rc=${PIPESTATUS[0]}
cat "$IK_LOGS/bench-esp.err"
case $rc in
0) ok "one TCP flow: at least 3 times the better of charon with kernel-libipsec and wireguard-go" ;;
1) not_ok "one TCP flow: below 3 times the better of charon with kernel-libipsec and wireguard-go" ;;
*) not_ok "bench-esp could not measure (status $rc)" ;;
esac
exit 0
