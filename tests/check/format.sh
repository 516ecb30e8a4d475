#!/bin/bash
# Tracked C sources are formatted as .clang-format says. To mend: clang-format -i FILE
set -u
cd "$(dirname "$0")/../.." || exit 2

tool=
for t in clang-format-14 clang-format; do
    command -v $t >/dev/null && { tool=$t; break; }
done
[ -n "$tool" ] || { echo "clang-format is not installed"; exit 77; }
# Versions wrap differently; the rule is version 14's, Debian 12's.
case $($tool --version) in
*"version 14."*) ;;
*) echo "formatting is judged by clang-format 14 only; this is $($tool --version)"; exit 77 ;;
esac
files=$(git ls-files -- '*.c' '*.h')
[ -n "$files" ] || { echo "no source found"; exit 1; }
out=$(printf '%s\n' $files | xargs -P 2 -n 40 $tool --dry-run -Werror 2>&1)
if [ -n "$out" ]; then
    printf '%s\n' "$out" | grep -E 'error:' | cut -d: -f1 | sort | uniq -c | awk '{ print $2 ": " $1 " places" }'
    echo "run: $tool -i on these files"
    exit 1
fi
echo "$(printf '%s\n' $files | wc -l) files are formatted"
