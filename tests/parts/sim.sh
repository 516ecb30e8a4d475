#!/bin/bash
# A cluster in one process from a seed: no violation of any INV, and every planted break is caught.
#
#   tests/run.sh --only sim [--seeds N] [--first S]    N defaults to 2000 in a full run
set -u
. "$(dirname "$0")/../support/part.sh"

case $IK_MODE in
quick) seeds=20 breaks=0 ;;
short) seeds=200 breaks=200 ;;
*) seeds=2000 breaks=2000 ;;
esac
first=1
while [ $# -gt 1 ]; do
    case $1 in
    --seeds) seeds=$2 ;;
    --first) first=$2 ;;
    *) not_ok "sim: unknown argument $1"; exit 1 ;;
    esac
    shift 2
done

ik_build release sim || exit 1
sim=$IK_BUILD/release/tests/sim/sim

# Two processes, half of the seeds each: the runs share nothing.
half=$((seeds / 2))
log1=$IK_LOGS/seeds-1.log log2=$IK_LOGS/seeds-2.log
timeout 5400 "$sim" --first "$first" --seeds "$half" >"$log1" 2>&1 &
one=$!
timeout 5400 "$sim" --first $((first + half)) --seeds $((seeds - half)) >"$log2" 2>&1 &
two=$!
for job in "$one $log1" "$two $log2"; do
    read -r pid log <<<"$job"
    if wait "$pid"; then
        ok "$(tail -n 1 "$log")"
    else
        not_ok "seeds with a violation:"
        ik_tail "$log" 20
    fi
done

if timeout 600 "$sim" --seed $((first + 6)) >"$IK_LOGS/repeat.log" 2>&1; then
    ok "the same seed gives the same trace: $(tail -n 1 "$IK_LOGS/repeat.log")"
else
    not_ok "a seed did not repeat itself"
    ik_tail "$IK_LOGS/repeat.log" 5
fi

[ "$breaks" -gt 0 ] || exit 0
if timeout 5400 "$sim" --breaks --seeds "$breaks" >"$IK_LOGS/breaks.log" 2>&1; then
    cat "$IK_LOGS/breaks.log"
    ok "every planted break is caught within $breaks seeds"
else
    cat "$IK_LOGS/breaks.log"
    not_ok "a planted break went unnoticed"
fi
