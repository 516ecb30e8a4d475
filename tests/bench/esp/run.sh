#!/bin/bash
# Builds esp-end (release) unless ESP_END names one, and measures it beside charon and wireguard-go.
# Arguments go to bench_esp.py. JSON lines on standard output; ends non-zero below three times the
# better of the two.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../../.." && pwd)
if [ -z "${ESP_END:-}" ]; then
    build=${IK_BUILD:-$root/build}/release
    cmake -S "$root" -B "$build" -G Ninja -DCMAKE_BUILD_TYPE=RelWithDebInfo >&2
    cmake --build "$build" --target esp-end >&2
    ESP_END=$build/tests/bench/esp/esp-end
fi
exec python3 "$here/bench_esp.py" --esp-end "$ESP_END" "$@"
