#!/bin/bash
# House rules: layers, headers that stand alone, banned calls, formatting, no planted break shipped.
set -u
. "$(dirname "$0")/../support/part.sh"

# One of the checks looks into the release programs.
ik_build release ikestrad ikestra ikestra-lb || exit 1
for script in "$IK_ROOT"/tests/check/*.sh; do
    name=$(basename "$script" .sh)
    log=$IK_LOGS/$name.log
    timeout 120 "$script" >"$log" 2>&1
    case $? in
    0)
        ok "$name: $(tail -n 1 "$log")"
        [ "$name" = sizes ] && sed '$d;s/^/    /' "$log"
        ;;
    77) skip "$name: $(tail -n 1 "$log")" ;;
    *)
        not_ok "$name"
        ik_tail "$log" 40
        ;;
    esac
done
exit 0
