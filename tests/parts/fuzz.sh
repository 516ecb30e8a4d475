#!/bin/bash
# libFuzzer targets: a parser each and the engine with known keys. Full: 60 s each, coverage at least 80 %.
set -u
. "$(dirname "$0")/../support/part.sh"

case $IK_MODE in
full) seconds=60 ;;
*) seconds=2 ;;
esac
log=$IK_LOGS/fuzz.log
timeout 5400 "$IK_ROOT/tests/fuzz/run.sh" "$seconds" "$@" >"$log" 2>&1
rc=$?
grep -v '^$' "$log" | tail -n 45
last=$(tail -n 1 "$log")
case $last in
*' passed, '*' failed, '*' skipped')
    read -r p _ f _ s _ <<<"$last"
    ik_passed=$p
    ik_failed=$f
    ik_skipped=$s
    ;;
*)
    not_ok "fuzz ended early (status $rc)"
    ;;
esac
