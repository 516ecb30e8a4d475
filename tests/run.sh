#!/bin/bash
# Runs the tests. docs/testing.md says what each part shows.
#
#   tests/run.sh                       every part in its short form (no benchmarks)
#   tests/run.sh --quick               under five minutes: unit, check, exchange, a few simulator seeds
#   tests/run.sh --only NAME [ARG...]  one part in its full form; a skip then counts as a failure
#   tests/run.sh --trixie              build and test inside a Debian 13 root
#   tests/run.sh --list                the parts and what they show
#
# A part is an executable tests/parts/NAME.sh or NAME.py. It gets, in the environment,
#   IK_ROOT     the source tree            IK_BUILD   where build trees live
#   IK_MODE     quick, short or full       IK_LOGS    its own directory for logs
#   IK_RESULT   a file: it writes "passed failed skipped" there (tests/support/part.sh does)
# A part that writes no counts, writes 0 0 0, runs too long, or exits non-zero without reporting a
# failure counts as one failure.
set -u

IK_ROOT=$(cd "$(dirname "$0")/.." && pwd)
IK_BUILD=${IK_BUILD:-$IK_ROOT/build}
export IK_ROOT IK_BUILD
export LC_ALL=C PYTHONDONTWRITEBYTECODE=1

# The order of a plain run; bench-* and trixie are never part of it. A part not named here runs last.
ORDER="check unit unit-asan exchange sim fuzz bad-input store-redis interop mid-exchange quickstart"
QUICK="check unit exchange sim"

passed=0
failed=0
skipped=0

part_file() {
    local f
    for f in "$IK_ROOT/tests/parts/$1.sh" "$IK_ROOT/tests/parts/$1.py"; do
        [ -x "$f" ] && { echo "$f"; return 0; }
    done
    return 1
}

all_parts() {
    local f
    for f in "$IK_ROOT"/tests/parts/*.sh "$IK_ROOT"/tests/parts/*.py; do
        [ -x "$f" ] || continue
        f=${f##*/}
        echo "${f%.*}"
    done | sort -u
}

# The first comment line after the #! line, without the mark.
part_purpose() {
    sed -n '2,6{s/^# \{0,1\}//p;s/^"""\(.*\)$/\1/p}' "$(part_file "$1")" | head -n 1
}

# Seconds a part may take, by mode. A full run may be long (2000 seeds, 300 exchanges in flight).
part_limit() {
    case $IK_MODE:$1 in
    quick:*) echo 200 ;;
    short:*) echo 900 ;;
    *) echo 7200 ;;
    esac
}

run_part() {
    local name=$1 file rc p f s started
    shift
    file=$(part_file "$name")
    IK_LOGS=$IK_BUILD/logs/$name
    IK_RESULT=$IK_LOGS/.result
    rm -rf "$IK_LOGS"
    mkdir -p "$IK_LOGS"
    export IK_LOGS IK_RESULT IK_MODE
    echo "== $name: $(part_purpose "$name")"
    started=$SECONDS
    # A new process group, so that at the limit the part's children end with it; the part gets
    # TERM first and cleans up its namespaces.
    timeout --kill-after=60 "$(part_limit "$name")" "$file" "$@" </dev/null
    rc=$?
    p=0 f=0 s=0
    [ -f "$IK_RESULT" ] && read -r p f s <"$IK_RESULT"
    case "$p$f$s" in
    '' | *[!0-9]*) p=0 f=0 s=0 ;;
    esac
    if [ $rc -eq 124 ] || [ $rc -eq 137 ]; then
        echo "not ok - $name did not finish within $(part_limit "$name") s"
        f=$((f + 1))
    elif [ $((p + f + s)) -eq 0 ]; then
        echo "not ok - $name reported nothing (exit status $rc)"
        f=1
    elif [ $rc -ne 0 ] && [ "$f" -eq 0 ]; then
        echo "not ok - $name ended with status $rc after reporting no failure"
        f=1
    fi
    if [ "$IK_MODE" = full ] && [ "$s" -gt 0 ]; then
        echo "not ok - $s skipped in a run of this part alone: counted as failed"
        f=$((f + s))
        s=0
    fi
    echo "== $name: $p passed, $f failed, $s skipped, $((SECONDS - started)) s"
    [ "$f" -eq 0 ] || echo "   logs in $IK_LOGS"
    passed=$((passed + p))
    failed=$((failed + f))
    skipped=$((skipped + s))
}

finish() {
    if [ $((passed + failed + skipped)) -eq 0 ]; then
        echo "nothing ran"
        echo "0 passed, 0 failed, 0 skipped"
        exit 1
    fi
    echo "$passed passed, $failed failed, $skipped skipped"
    [ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
    exit
}

die() {
    echo "tests/run.sh: $1" >&2
    echo "0 passed, 0 failed, 0 skipped"
    exit 2
}

packages() {
    "$IK_ROOT/deploy/install-packages.sh" "$@" || die "packages are missing and could not be installed"
}

case "${1:-}" in
'')
    IK_MODE=short
    packages build test check fuzz lab store
    parts=$(all_parts)
    for name in $ORDER; do
        part_file "$name" >/dev/null && run_part "$name"
    done
    for name in $parts; do
        case " $ORDER " in *" $name "*) continue ;; esac
        case $name in bench-* | trixie) continue ;; esac
        run_part "$name"
    done
    finish
    ;;
--quick)
    [ $# -eq 1 ] || die "--quick takes nothing more"
    IK_MODE=quick
    packages build test check
    for name in $QUICK; do
        part_file "$name" >/dev/null && run_part "$name"
    done
    finish
    ;;
--only)
    [ $# -ge 2 ] || die "--only needs a name; one of: $(all_parts | tr '\n' ' ')"
    name=$2
    case $name in *[!a-z0-9-]*) die "no part '$name'" ;; esac
    part_file "$name" >/dev/null || die "no part '$name'; one of: $(all_parts | tr '\n' ' ')"
    shift 2
    IK_MODE=full
    case $name in
    bench-*) packages build test lab bench ;;
    fuzz) packages build test check fuzz ;;
    unit | unit-asan | exchange | sim | check) packages build test check ;;
    trixie) packages trixie ;;
    *) packages build test check lab store ;;
    esac
    run_part "$name" "$@"
    finish
    ;;
--trixie)
    [ $# -eq 1 ] || die "--trixie takes nothing more"
    part_file trixie >/dev/null || die "no part 'trixie'"
    IK_MODE=full
    packages trixie
    run_part trixie
    finish
    ;;
--list)
    for name in $(all_parts); do
        printf '%-16s %s\n' "$name" "$(part_purpose "$name")"
    done
    ;;
*)
    die "unknown argument '$1'; see the head of this file"
    ;;
esac
