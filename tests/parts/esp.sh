#!/bin/bash
# Userspace ESP between two of our own ends: every suite, ESN, raw ESP, IPv6, loss, NAT rebinding.
set -u
. "$(dirname "$0")/../support/part.sh"

export ASAN_OPTIONS=abort_on_error=0:detect_leaks=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
ik_build asan esp-end || exit 1
log=$IK_LOGS/function_esp.log
TMPDIR=$IK_LOGS timeout --kill-after=10 300 python3 "$IK_ROOT/tests/bench/esp/function_esp.py" \
    --esp-end "$IK_BUILD/asan/tests/bench/esp/esp-end" >"$log" 2>&1
rc=$?
while read -r line; do
    case $line in
    "ok - "*) ok "${line#ok - }" ;;
    "not ok - "*) not_ok "${line#not ok - }" ;;
    esac
done <"$log"
[ $rc -eq 0 ] || [ $ik_failed -gt 0 ] || { not_ok "function_esp.py ended with status $rc"; ik_tail "$log"; }
exit 0
