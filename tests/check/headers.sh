#!/bin/bash
# Every header compiles alone: no hidden order of includes. Headers that need generated schemas find
# them in a build tree, or have them generated here.
set -u
cd "$(dirname "$0")/../.." || exit 2
root=$PWD
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

gen=$work/gen
if ls proto/*.proto >/dev/null 2>&1; then
    command -v protoc-c >/dev/null || { echo "protoc-c is missing: apt-get install protobuf-c-compiler"; exit 1; }
    mkdir -p "$gen/proto"
    protoc-c --proto_path=. --c_out="$gen" proto/*.proto || exit 1
fi
flags=$(pkg-config --cflags libcrypto libuv hiredis jansson libprotobuf-c 2>/dev/null)

check_one() {
    local h=$1 out
    # shellcheck disable=SC2086
    if ! out=$(printf '#include "%s"\n' "$h" | gcc -std=gnu11 -fsyntax-only -Wall -Wextra -Wstrict-prototypes \
        -Werror -Wno-unused-function -Wno-missing-field-initializers -D_GNU_SOURCE -I"$root" -I"$gen" $flags -x c - 2>&1); then
        echo "$h does not compile alone:"
        echo "$out" | head -n 5
        return 1
    fi
}
export -f check_one
export root gen flags

headers=$(git ls-files -co --exclude-standard -- 'node/*.h' 'statesync/*.h' 'lb-helper/*.h' | grep -v '\.bpf\.')
[ -n "$headers" ] || { echo "no header found"; exit 1; }
# xargs ends with 123 when any of them failed.
printf '%s\n' $headers | xargs -P 2 -I{} bash -c 'check_one {}' || { echo "headers must stand alone"; exit 1; }
echo "$(printf '%s\n' $headers | wc -l) headers compile alone"
