#!/bin/bash
# Builds the fuzz targets with clang and runs them.
#
#   tests/fuzz/run.sh [SECONDS] [TARGET...]
#
# SECONDS per target (default 60). No TARGET: all of tests/fuzz/CMakeLists.txt. One line each:
#
#   target  source-file  line-coverage%  executions  result
#
# Fails on a crash, a leak, a hang, a target that does not build, and, from 30 seconds on, on a line
# coverage of the target's source file below 80 %. Shorter runs print the coverage only. A crashing
# input stays in BUILD/crash/TARGET-*; run it again with BUILD/tests/fuzz/fuzz_TARGET FILE.
#
# BUILD is build-fuzz beside the sources, or $IKESTRA_FUZZ_BUILD. What a run finds is kept in
# BUILD/corpus/TARGET and starts the next run. Seeds: make_seeds.c and tests/fuzz/corpus/TARGET/.
#
# To add a target X: write tests/fuzz/fuzz_X.c and add  ik_fuzz(X path/to/source.c LIBS)  to
# tests/fuzz/CMakeLists.txt.
#
# Needs clang and llvm-profdata, llvm-cov of the same version (packages clang, llvm).
set -u
src=$(cd "$(dirname "$0")/../.." && pwd)
build=${IKESTRA_FUZZ_BUILD:-$src/build-fuzz}
min_coverage=80

seconds=60
if [[ ${1:-} =~ ^[0-9]+$ ]]; then
    seconds=$1
    shift
fi

die() {
    echo "fuzz: $*" >&2
    exit 1
}

command -v clang >/dev/null || die "no clang: apt-get install clang"
version=$(clang -dumpversion | cut -d. -f1)
tool() {
    command -v "$1-$version" || command -v "$1" || die "no $1: apt-get install llvm-$version"
}
profdata=$(tool llvm-profdata) || exit 1
cov=$(tool llvm-cov) || exit 1

cmake -S "$src" -B "$build" -G Ninja -DCMAKE_C_COMPILER=clang -DIKESTRA_FUZZ=ON \
    -DCMAKE_BUILD_TYPE=RelWithDebInfo >"$build.cmake.log" 2>&1 ||
    { cat "$build.cmake.log" >&2; die "cmake failed"; }
mv "$build.cmake.log" "$build/cmake.log"

declare -A source_of
names=()
while read -r name source; do
    source_of[$name]=$source
    names+=("$name")
done <"$build/fuzz_targets.txt"
[[ $# -gt 0 ]] && names=("$@")
for name in "${names[@]}"; do
    [[ -n ${source_of[$name]:-} ]] || die "no target $name in tests/fuzz/CMakeLists.txt"
done

ninja -C "$build" -k 0 fuzz_make_seeds "${names[@]/#/fuzz_}" >"$build/build.log" 2>&1 ||
    grep -E "error|FAILED" "$build/build.log" >&2
mkdir -p "$build/seeds" "$build/crash" "$build/profile"
"$build/tests/fuzz/fuzz_make_seeds" "$build/seeds" || die "make_seeds failed"

run_one() {
    local name=$1 source=${source_of[$1]} bin=$build/tests/fuzz/fuzz_$1
    local corpus=$build/corpus/$name log=$build/$name.log dirs=() d execs lines result=ok

    if [[ ! -x $bin ]]; then
        printf '%-14s %-34s %7s %10s %s\n' "$name" "$source" - - "FAILED: not built"
        return 1
    fi
    mkdir -p "$corpus"
    for d in "$build/seeds/$name" "$src/tests/fuzz/corpus/$name"; do
        [[ -d $d ]] && dirs+=("$d")
    done
    rm -f "$build/profile/$name".*
    LLVM_PROFILE_FILE=$build/profile/$name.raw timeout $((seconds + 60)) "$bin" \
        -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -print_final_stats=1 \
        -artifact_prefix="$build/crash/$name-" "$corpus" "${dirs[@]}" >"$log" 2>&1 ||
        result="FAILED: see $log"
    execs=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
    "$profdata" merge -o "$build/profile/$name.data" "$build/profile/$name.raw" 2>>"$log"
    # The last line of the report: line coverage is the tenth column.
    lines=$("$cov" report "$bin" -instr-profile="$build/profile/$name.data" "$src/$source" \
        2>>"$log" | awk '$1 == "TOTAL" { sub("%", "", $10); print $10 }')
    if [[ $result == ok && ( -z $lines || -z $execs ) ]]; then
        result="FAILED: no coverage, see $log"
    elif [[ $result == ok && $seconds -ge 30 ]] &&
        awk -v c="$lines" -v m="$min_coverage" 'BEGIN { exit !(c < m) }'; then
        result="FAILED: below $min_coverage %"
    fi
    printf '%-14s %-34s %6s%% %10s %s\n' "$name" "$source" "${lines:-?}" "${execs:-?}" "$result"
    [[ $result == ok ]]
}

passed=0
failed=0
for name in "${names[@]}"; do
    if run_one "$name"; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
done
echo "$passed passed, $failed failed, 0 skipped"
[[ $failed -eq 0 && $passed -gt 0 ]]
