/* ts_narrow: traffic selectors: the intersection of theirs and ours. RFC 7296 2.9.
 *
 * Pure sets of (protocol, ports, addresses). Knows no policy file and no Child SA. */
#pragma once

#include "statesync/base/addr.h"
#include "node/wire/pl_ts.h"

/* One selector for every address and port of a family (4 or 6), or for one prefix. */
struct ts ts_any(uint8_t family);
struct ts ts_prefix(const struct ip_prefix *p);
struct ts ts_address(const struct ip_addr *a);

/* Every packet that b selects, a selects too. */
bool ts_contains(const struct ts *a, const struct ts *b);

/* The packets that both select; false: none, *ret untouched. OPAQUE ports meet only OPAQUE and any.
 */
bool ts_meet(const struct ts *a, const struct ts *b, struct ts *ret);

/* What one side of a Child SA may be: all of ours met with all of theirs, duplicates and contained
 * ranges left out, at most LIMIT_SELECTORS.
 *
 * RFC 7296 2.9: the initiator may put a selector of the packet that triggered it first. Whatever of
 * it ours allows is always within the result.
 *
 * E_TS_UNACCEPTABLE: nothing in common. E_LIMIT: n_ours or n_theirs above what a TS payload may
 * carry (LIMIT_SELECTORS_WIRE). *ret_narrowed: one of theirs is not contained in a single one
 * of ours, or the limit cut. */
MUST_USE enum err ts_narrow(const struct ts *ours, size_t n_ours, const struct ts *theirs,
                            size_t n_theirs, struct ts ret[LIMIT_SELECTORS], size_t *ret_n,
                            bool *ret_narrowed);

/* Selectors of a "dynamic" side: one single-address selector per assigned address. With no address:
 * the fallback (usually the peer's outer address), family 0 for none. *ret_n may be 0. */
void ts_dynamic(const struct ip_addr *vips, size_t n_vips, const struct ip_addr *fallback,
                struct ts ret[LIMIT_SELECTORS], size_t *ret_n);

/* Initiator: every selector of a response lies inside one of those that we offered. */
bool ts_within(const struct ts *offered, size_t n_offered, const struct ts *got, size_t n_got);
