#!/bin/bash
# The redis store on real redis-servers (faults included), under sanitizers; then what a commit costs.
set -u
. "$(dirname "$0")/../support/part.sh"

command -v redis-server >/dev/null || { not_ok "redis-server is not installed (apt-get install redis-server)"; exit 1; }
export ASAN_OPTIONS=abort_on_error=0:detect_leaks=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
# One test at a time: deadlines are judged; and Criterion leaks between parallel workers.
export CRITERION_JOBS=1
# The shared list, faults of a real server, a server that lies.
ik_build asan store_test_store_redis store_test_store_redis_faults store_test_store_redis_fake || exit 1
for t in store_test_store_redis store_test_store_redis_faults store_test_store_redis_fake; do
    ik_criterion 300 "$IK_BUILD/asan/tests/store/$t"
done

# Costs: release build, one JSON line per number of commits in flight.
ik_build release store_redis_bench || exit 1
commits=20000
[ "$IK_MODE" = full ] && commits=100000
log=$IK_LOGS/bench.json
if timeout 200 "$IK_BUILD/release/tests/store/store_redis_bench" $commits >"$log" 2>"$log.err"; then
    cat "$log"
    if awk -F'"redis_script_us": ' '/"in_flight": 64/ { split($2, a, ","); exit !(a[1] > 0 && a[1] < 15) }' "$log"; then
        ok "a commit's script takes under 15 us in Redis"
    else
        not_ok "a commit's script takes 15 us or more in Redis"
    fi
else
    not_ok "redis_bench"
    ik_tail "$log.err"
fi
exit 0
