#!/bin/bash
# Planted breaks exist only in test builds: no object of the release programs is compiled with them,
# and no name of one is in a release binary. Needs a release build tree; skipped without.
set -u
cd "$(dirname "$0")/../.." || exit 2
build=${IK_BUILD:-build}/release

names=$(sed -n 's/^ *\(BREAK_[A-Z_]*\).*/\1/p' statesync/base/breaks.h | grep -v COUNT | sed 's/^BREAK_//' | tr 'A-Z_' 'a-z-')
[ -n "$names" ] || { echo "no planted break is declared in statesync/base/breaks.h"; exit 1; }
count=$(printf '%s\n' $names | wc -l)

binaries=
for b in node/ikestrad ikestrad node/cli/ikestra lb-helper/ikestra-lb; do
    [ -x "$build/$b" ] && binaries+=" $build/$b"
done
if [ -z "$binaries" ]; then
    echo "no release build in $build"
    exit 77
fi
bad=0
for b in $binaries; do
    target=${b#"$build"/}
    if ninja -C "$build" -t commands "$target" 2>/dev/null | grep -q IKESTRA_PLANTED_BREAKS; then
        echo "$b: compiled with IKESTRA_PLANTED_BREAKS"
        bad=1
    fi
    # Two words or more: a name such as "clock" alone would be found by accident.
    for n in $names; do
        if grep -aqF -- "$n" "$b"; then
            echo "$b: holds the name of the planted break $n"
            bad=1
        fi
    done
done
[ $bad = 0 ] || exit 1
echo "$count planted breaks, none in$binaries"
