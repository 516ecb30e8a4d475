#!/bin/bash
# Two engines, messages carried by hand: every exchange, lost, repeated and crossed, with sanitizers.
set -u
. "$(dirname "$0")/../support/part.sh"

ik_build asan exchange_tests || exit 1
ik_criterion 300 "$IK_BUILD"/asan/tests/exchange/exchange_*
