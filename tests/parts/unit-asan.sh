#!/bin/bash
# The unit and exchange tests again under the address, leak and undefined-behaviour sanitizers.
set -u
. "$(dirname "$0")/../support/part.sh"

export ASAN_OPTIONS=abort_on_error=0:detect_leaks=1:strict_string_checks=1
export UBSAN_OPTIONS=print_stacktrace=1
targets=unit_tests
[ -d "$IK_ROOT/tests/exchange" ] && targets="unit_tests exchange_tests"
# shellcheck disable=SC2086
ik_build asan $targets || exit 1
ik_criterion 300 "$IK_BUILD"/asan/tests/unit/unit_*
for prog in "$IK_BUILD"/asan/tests/exchange/exchange_*; do
    [ -x "$prog" ] && [ -f "$prog" ] && ik_criterion 300 "$prog"
done
exit 0
