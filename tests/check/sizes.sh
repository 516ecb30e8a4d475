#!/bin/bash
# Prints files over 600 lines, functions over 80 and headers with more than 12 functions. Fails
# nothing: a compass for where a second job may have begun.
set -u
cd "$(dirname "$0")/../.." || exit 2

files=$(git ls-files -- 'node/*.[ch]' 'statesync/*.[ch]' 'lb-helper/*.[ch]')
[ -n "$files" ] || { echo "no source yet"; exit 0; }
# shellcheck disable=SC2086
awk '
FNR == 1 && NR > 1 { file_end() }
function file_end() {
    if (last_n > 600) printf "%s: %d lines\n", last, last_n
    if (last ~ /\.h$/ && protos > 12) printf "%s: %d functions in one header\n", last, protos
    protos = 0
}
{ last = FILENAME; last_n = FNR }
/^[A-Za-z].*\);$/ || /^ +.*\);$/ && open_proto { protos++; open_proto = 0 }
/^[A-Za-z][^;{=]*\([^;]*[^;)]$/ { open_proto = 1 }
/^{$/ { start = FNR; head = prev }
/^}$/ { if (start && FNR - start - 1 > 80) printf "%s:%d: function of %d lines: %s\n", FILENAME, start, FNR - start - 1, head; start = 0 }
{ prev = $0 }
END { file_end() }
' $files
lines=$(cat $files | wc -l)
echo "$(printf '%s\n' $files | wc -l) files, $lines lines, median $(for f in $files; do wc -l <"$f"; done | sort -n | awk '{ a[NR] = $1 } END { print a[int((NR + 1) / 2)] }')"
