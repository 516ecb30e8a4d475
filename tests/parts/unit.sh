#!/bin/bash
# Every function's own tests (Criterion), release build with assertions on.
set -u
. "$(dirname "$0")/../support/part.sh"

ik_build release unit_tests || exit 1
ik_criterion 120 "$IK_BUILD"/release/tests/unit/unit_*
