/* admission: who may have a half-open session. Up to the threshold everybody, above it only who
 * returns a valid cookie (RFC 7296 2.6), and never more than a budget per source prefix (/24, /56).
 * Nothing is allocated for whom it turns away. */
#include <string.h>

#include "node/core/engine_state.h"
#include "node/crypto/cookie.h"

static uint64_t prefix_key(const struct ip_addr *a)
{
    uint64_t k = a->family;
    size_t n = a->family == 4 ? 3 : 7;

    for (size_t i = 0; i < n; i++)
        k = k << 8 | a->ip[i];
    return k + 1;
}

void admission_enter(struct engine *e, struct ike_sa *sa)
{
    uint64_t key = prefix_key(&sa->r.remote.addr);
    uintptr_t n = (uintptr_t)map_get(&e->per_prefix, key) + 1;

    if (sa->half_open_key != 0 || map_put(&e->per_prefix, key, (void *)n) != OK)
        return; /* uncounted when memory is out: the cookie threshold still holds */
    sa->half_open_key = key;
    e->stats.half_open = ++e->half_open;
}

void admission_leave(struct engine *e, struct ike_sa *sa)
{
    uintptr_t n = (uintptr_t)map_get(&e->per_prefix, sa->half_open_key);

    if (sa->half_open_key == 0)
        return;
    if (n <= 1)
        map_remove(&e->per_prefix, sa->half_open_key);
    else if (map_put(&e->per_prefix, sa->half_open_key, (void *)(n - 1)) != OK)
        return;
    sa->half_open_key = 0;
    e->stats.half_open = --e->half_open;
}

enum admit admission_check(struct engine *e, struct now now, const struct endpoint *remote,
                           uint64_t spi_i, const struct payload_list *clear)
{
    struct pl_notify n;
    struct span nonce;
    uintptr_t here = (uintptr_t)map_get(&e->per_prefix, prefix_key(&remote->addr));

    if (e->policy->half_open_per_prefix > 0 && here >= e->policy->half_open_per_prefix)
        return ADMIT_NO;
    if (e->half_open < e->policy->cookie_threshold)
        return ADMIT_YES;
    if (!notify_find(clear, N_COOKIE, 0, &n))
        return ADMIT_COOKIE;
    if (pl_nonce_parse(rd_of(payload_first(clear, PL_NONCE)->body), &nonce) != OK)
        return ADMIT_NO;
    return cookie_check(&e->cookie_key, now.wall_ms / 1000, nonce, &remote->addr, spi_i, n.data) ==
                   OK
               ? ADMIT_YES
               : ADMIT_COOKIE;
}
