# Sourced by the parts in tests/parts: counting, building, running test programs with a time limit.
#
#   . "$IK_ROOT/tests/support/part.sh"
#   ik_build asan unit_tests           configure and build targets of a preset; a failure counts
#   ik_criterion 120 PROGRAM...        run Criterion programs, count every test in them
#   ik_run "what it shows" 60 CMD...   one check: passes when CMD ends 0 within 60 s
#   ok "text"; not_ok "text"; skip "text"
# At exit the counts go to $IK_RESULT; the exit status is 1 when anything failed.

: "${IK_ROOT:=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)}"
: "${IK_BUILD:=$IK_ROOT/build}"
: "${IK_MODE:=full}"
: "${IK_LOGS:=$IK_BUILD/logs/$(basename "$0" .sh)}"
: "${IK_RESULT:=$IK_LOGS/.result}"
export IK_ROOT IK_BUILD IK_MODE IK_LOGS IK_RESULT
export LSAN_OPTIONS="suppressions=$IK_ROOT/tests/support/lsan.supp:print_suppressions=0${LSAN_OPTIONS:+:$LSAN_OPTIONS}"
mkdir -p "$IK_LOGS"
ik_passed=0
ik_failed=0
ik_skipped=0

ok() { ik_passed=$((ik_passed + 1)); echo "ok - $*"; }
not_ok() { ik_failed=$((ik_failed + 1)); echo "not ok - $*"; }
skip() { ik_skipped=$((ik_skipped + 1)); echo "skip - $*"; }

ik_finish() {
    local rc=$?
    trap - EXIT
    if [ $rc -ne 0 ] && [ $ik_failed -eq 0 ]; then
        not_ok "$(basename "$0") stopped early (status $rc)"
    fi
    echo "$ik_passed $ik_failed $ik_skipped" >"$IK_RESULT"
    [ $ik_failed -eq 0 ] && exit 0
    exit 1
}
trap ik_finish EXIT
trap 'exit 143' TERM INT HUP

ik_tail() { tail -n "${2:-20}" "$1" | sed 's/^/    /'; }

# ik_build PRESET TARGET...: quiet unless it fails. Returns non-zero and counts one failure then.
ik_build() {
    local preset=$1 dir=$IK_BUILD/$1 log=$IK_LOGS/build-$1.log
    shift
    if ! (cd "$IK_ROOT" && timeout 120 cmake --preset "$preset" -B "$dir") >"$log" 2>&1; then
        not_ok "cmake --preset $preset"
        ik_tail "$log"
        return 1
    fi
    if ! timeout 1200 ninja -C "$dir" "$@" >>"$log" 2>&1; then
        not_ok "build of $* with preset $preset"
        grep -E -m 20 'error|Error|FAILED|undefined' "$log" | sed 's/^/    /'
        return 1
    fi
    return 0
}

# ik_run TEXT SECONDS COMMAND...
ik_run() {
    local text=$1 limit=$2 log rc
    shift 2
    log=$IK_LOGS/$(printf '%s' "$text" | tr -c 'A-Za-z0-9._-' '_' | cut -c1-80).log
    timeout --kill-after=10 "$limit" "$@" >"$log" 2>&1
    rc=$?
    if [ $rc -eq 0 ]; then
        ok "$text"
    else
        not_ok "$text (status $rc)"
        ik_tail "$log" 30
    fi
    return $rc
}

# ik_criterion SECONDS PROGRAM...: each program within SECONDS. Counts come from Criterion's TAP
# output, one per test; a program that ends non-zero or prints no test at all is a failure too.
ik_criterion() {
    local limit=$1 prog name tap log rc p f s
    shift
    for prog in "$@"; do
        name=$(basename "$prog")
        tap=$IK_LOGS/$name.tap
        log=$IK_LOGS/$name.log
        rm -f "$tap"
        timeout --kill-after=10 "$limit" "$prog" --tap="$tap" >"$log" 2>&1
        rc=$?
        p=0 f=0 s=0
        if [ -f "$tap" ]; then
            s=$(grep -Ec '^ok .*# SKIP' "$tap")
            p=$(($(grep -Ec '^ok ' "$tap") - s))
            f=$(grep -Ec '^not ok ' "$tap")
        fi
        if [ $rc -ne 0 ] && [ "$f" -eq 0 ]; then
            f=1
            echo "not ok - $name ended with status $rc"
        elif [ $((p + f + s)) -eq 0 ]; then
            f=1
            echo "not ok - $name holds no test"
        fi
        if [ "$f" -gt 0 ]; then
            [ -f "$tap" ] && grep -E '^not ok ' "$tap" | sed "s/^/$name: /"
            ik_tail "$log" 25
        fi
        ik_passed=$((ik_passed + p))
        ik_failed=$((ik_failed + f))
        ik_skipped=$((ik_skipped + s))
    done
}
