#!/bin/bash
# Calls that the house rules ban in the product, each with what to write instead. Comments and
# string literals do not count.
set -u
cd "$(dirname "$0")/../.." || exit 2

# Comments and strings removed, line numbers kept.
strip() {
    awk '
    {
        line = $0; out = ""
        while (length(line) > 0) {
            if (incomment) {
                k = index(line, "*/")
                if (k == 0) { line = ""; break }
                line = substr(line, k + 2); incomment = 0; continue
            }
            c = substr(line, 1, 1); two = substr(line, 1, 2)
            if (two == "/*") { incomment = 1; line = substr(line, 3); continue }
            if (two == "//") break
            if (c == "\"") {
                i = 2
                while (i <= length(line)) {
                    d = substr(line, i, 1)
                    if (d == "\\") { i += 2; continue }
                    if (d == "\"") break
                    i++
                }
                out = out "\"\""; line = substr(line, i + 1); continue
            }
            out = out c; line = substr(line, 2)
        }
        printf "%s:%d:%s\n", FILENAME, FNR, out
    }' "$@"
}

# name (extended regular expression) | where (shell pattern of paths, * for all) | instead
rules='
strcpy|*|snprintf, or wr_bytes into a bounded writer
strcat|*|snprintf, or wr_bytes into a bounded writer
stpcpy|*|snprintf
strncpy|*|snprintf: strncpy may leave the NUL out
strncat|*|snprintf
sprintf|*|snprintf
vsprintf|*|vsnprintf
gets|*|fgets
strtok|*|strchr, or a struct rd
atoi|*|strtoul with its end pointer checked
atol|*|strtoul with its end pointer checked
rand|*|env_random
srand|*|env_random
random|pure|env_random
time|*|the time that is passed in; clock_gettime in node/runtime
clock_gettime|pure|the time that is passed in
gettimeofday|*|the time that is passed in; clock_gettime in node/runtime
localtime|*|gmtime_r
gmtime|*|gmtime_r
memcmp|above|ct_equal for anything secret, span_eq otherwise
bcmp|above|ct_equal for anything secret, span_eq otherwise
alloca|*|a bounded array
ntohs|core|rd_u16
ntohl|core|rd_u32
htons|core|wr_u16
htonl|core|wr_u32
memcpy|wire|wr_bytes, rd_bytes, or a struct assignment
system|*|nothing: the product starts no shell
popen|*|nothing: the product starts no shell
'
pure_dirs='statesync/(base|record|seal|lease)|node/(wire|crypto|sa|exchange|core)|lb-helper/(announce|health|steer)'
core_dirs='statesync/(record|seal|lease|store)|node/(wire|crypto|sa|exchange|core|config|control)'
uv_allowed='^(node/main\.c|node/runtime/|lb-helper/(main\.c|runtime/)|statesync/store/store_redis|node/dataplane/dp_|node/control/control_server|node/cli/|lb-helper/(health/probe_|announce/announce_(bird|exabgp)))'

files=$(git ls-files -co --exclude-standard -- 'node/*.[ch]' 'statesync/*.[ch]' 'lb-helper/*.[ch]' | grep -v '\.bpf\.c')
[ -n "$files" ] || { echo "no source found"; exit 1; }
stripped=$(mktemp)
trap 'rm -f "$stripped"' EXIT
# shellcheck disable=SC2086
strip $files >"$stripped"

bad=0
report() {
    [ -n "$1" ] || return 0
    printf '%s\n' "$1" | while IFS= read -r l; do echo "$l"; done
    echo "    instead: $2"
    bad=$((bad + 1))
}
while IFS='|' read -r name where instead; do
    [ -n "$name" ] || continue
    case $where in
    '*') path='.*' ;;
    above) path='(node|lb-helper|statesync/(record|seal|lease|store))/.*' ;;
    pure) path="($pure_dirs)/.*" ;;
    core) path="($core_dirs)/.*" ;;
    wire) path='node/wire/.*' ;;
    esac
    hits=$(grep -E "^$path:[0-9]+:(.*[^A-Za-z0-9_.>])?$name[[:space:]]*\(" "$stripped")
    report "$hits" "$instead"
done <<<"$rules"

hits=$(grep -E '(^|[^A-Za-z0-9_])uv_[a-z]' "$stripped" | grep -vE "$uv_allowed")
report "$hits" "libuv only in runtime/ and in adapters named after an outside thing (docs/style.md)"
hits=$(grep -E '(^|[^A-Za-z0-9_])redis(Command|AsyncCommand|Connect|Reader)' "$stripped" | grep -vE '^statesync/store/redis_|^statesync/store/store_redis')
report "$hits" "hiredis only in statesync/store/redis_* and store_redis"

if [ $bad -gt 0 ]; then
    echo "$bad kinds of banned calls"
    exit 1
fi
echo "no banned call in $(printf '%s\n' $files | wc -l) files"
