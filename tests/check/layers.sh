#!/bin/bash
# Folders are layers: who may include whom. The table below is the rule; docs/style.md says why.
# A folder always sees itself. Pure folders may not include the headers of the operating system's
# I/O either.
set -u
cd "$(dirname "$0")/../.." || exit 2

everything="base proto statesync/record statesync/seal statesync/lease statesync/store
    node/wire node/crypto node/sa node/exchange node/core node/dataplane node/config node/metrics
    node/control node/runtime"

allowed_for() {
    case $1 in
    statesync/base) echo "" ;;
    statesync/record) echo "base proto" ;;
    statesync/seal | statesync/lease) echo "base statesync/record" ;;
    statesync/store) echo "base statesync/record" ;;
    node/wire | node/crypto) echo "base" ;;
    # Arithmetic over a Child SA's record: docs/decisions/0006.
    node/sa) echo "base node/wire node/crypto statesync/record statesync/lease/seq_reserve.h" ;;
    node/exchange) echo "base node/wire node/crypto node/sa statesync/record
        statesync/lease/seq_reserve.h" ;;
    # The engine emits store and data plane requests by value: the headers of the two interfaces,
    # never a backend.
    node/core) echo "base node/wire node/crypto node/sa node/exchange statesync/record statesync/seal
        statesync/lease statesync/store/store.h node/dataplane/dataplane.h" ;;
    # The data plane gets keys by value and knows no SA.
    node/dataplane) echo "base node/crypto" ;;
    node/metrics) echo "base" ;;
    # The file's connections become the policy that the engine reads, keys and certificates included.
    node/config) echo "base node/crypto node/wire/pl_ts.h node/sa/policy.h" ;;
    # Sessions are shown from their records.
    node/control) echo "base node/config node/metrics node/core node/crypto statesync/record" ;;
    node/cli) echo "base node/control" ;;
    node/runtime | node) echo "$everything" ;;
    lb-helper/health | lb-helper/announce | lb-helper/steer) echo "base" ;;
    lb-helper/runtime | lb-helper) echo "base statesync/record statesync/seal statesync/store
        lb-helper/health lb-helper/announce lb-helper/steer lb-helper/runtime" ;;
    *) echo "?" ;;
    esac
}

pure=" statesync/base statesync/record statesync/seal statesync/lease node/wire node/crypto node/sa
 node/exchange node/core lb-helper/announce lb-helper/health lb-helper/steer "
io_headers='^(uv\.h|hiredis/.*|sys/socket\.h|sys/epoll\.h|sys/ioctl\.h|sys/un\.h|netinet/udp\.h|pthread\.h|sys/time\.h|unistd\.h|fcntl\.h|poll\.h|linux/.*|libmnl/.*)$'

files=$(git ls-files -co --exclude-standard -- 'node/*.[ch]' 'statesync/*.[ch]' 'lb-helper/*.[ch]')
[ -n "$files" ] || { echo "no source found"; exit 1; }
bad=0
complain() {
    echo "$1"
    bad=$((bad + 1))
}

# One grep for all includes: "file:#include ..." lines.
# shellcheck disable=SC2086
while IFS=: read -r file line; do
    dir=${file%/*}
    allowed=$(allowed_for "$dir")
    if [ "$allowed" = "?" ]; then
        complain "$file: folder $dir is not in the table of tests/check/layers.sh"
        continue
    fi
    case $line in
    *'"'*)
        path=${line#*\"}
        path=${path%%\"*}
        inc_dir=${path%/*}
        if [ "$inc_dir" = "$path" ]; then
            complain "$file: \"$path\": write the path from the root of the tree"
            continue
        fi
        [ "$inc_dir" = "$dir" ] && continue
        [ "$inc_dir" = statesync/base ] && inc_dir=base
        # Generated C of the schemas.
        [ "$inc_dir" = proto ] && inc_dir=proto
        found=0
        for a in $allowed; do
            if [ "$a" = "$inc_dir" ] || [ "$a" = "$path" ]; then found=1; break; fi
        done
        # base sees only itself, written without the "base" alias.
        [ "$dir" = statesync/base ] && [ "$inc_dir" = base ] && found=1
        [ $found = 1 ] || complain "$file: $dir may not include $path"
        ;;
    *'<'*)
        path=${line#*<}
        path=${path%%>*}
        case $pure in *" $dir "* | *"
 $dir "*)
            # OpenSSL's objects are made once per process: a pthread_once, no thread.
            [[ $file:$path =~ ^node/crypto/(evp|dh_ecp|dh_modp)\.c:pthread\.h$ ]] && continue
            if [[ $path =~ $io_headers ]]; then
                complain "$file: $dir is pure and may not include <$path>; time, randomness and I/O are arguments"
            fi
            ;;
        esac
        ;;
    esac
done < <(grep -E '^[[:space:]]*#[[:space:]]*include' $files)

# The oracles judge the product from outside: nothing of it, not even by relative path.
if [ -d chaos/oracles ]; then
    hits=$(grep -rnE '#[[:space:]]*include[[:space:]]*".*(node|statesync|lb-helper|proto)/|from (node|statesync)' chaos/oracles || true)
    [ -z "$hits" ] || complain "chaos/oracles may see nothing of the product: $hits"
fi

if [ $bad -gt 0 ]; then
    echo "$bad includes against the layers"
    exit 1
fi
echo "$(printf '%s\n' $files | wc -l) files keep to the layers"
