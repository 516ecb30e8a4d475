#!/bin/bash
# A strongSwan client behind a NAT outlives ten kills of its node (deploy/quickstart.sh).
set -u
. "$(dirname "$0")/../support/part.sh"

out=$IK_LOGS/out.json
kills=10
[ "$IK_MODE" = full ] || kills=4
log=$IK_LOGS/quickstart.log
timeout 560 "$IK_ROOT/deploy/quickstart.sh" --json "$out" --kills $kills --keep-logs "$IK_LOGS/lab" >"$log" 2>&1
rc=$?
sed 's/^/    /' "$log"
if [ ! -f "$out" ]; then
    not_ok "quickstart wrote no figures (status $rc)"
    exit 1
fi
# Judged again from the figures, not from the program's own word.
check() { if jq -e "$2" "$out" >/dev/null; then ok "$1"; else not_ok "$1"; fi; }
command -v jq >/dev/null || check() {
    if python3 -c "import json,sys,statistics as s; k=json.load(open('$out'))['kills']; sys.exit(0 if ($3) else 1)"; then ok "$1"; else not_ok "$1"; fi
}
check "$kills kills measured" ".kills | length == $kills" "len(k) == $kills"
check "no IKE or Child SPI changed" '[.kills[] | .ike_spi_changed or .child_spi_changed] | any | not' "not any(x['ike_spi_changed'] or x['child_spi_changed'] for x in k)"
check "no re-authentication" '[.kills[].reauthentications] | add == 0' "sum(x['reauthentications'] for x in k) == 0"
check "median outage under 500 ms" '[.kills[].outage_ms] | sort | (.[(length - 1) / 2 | floor] + .[length / 2 | floor]) / 2 < 500' "s.median(x['outage_ms'] for x in k) < 500"
[ $rc -eq 0 ] && ok "quickstart ends with 0" || not_ok "quickstart ends with $rc"
exit 0
