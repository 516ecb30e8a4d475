/* pool: inner addresses. A pool is cut into one contiguous block per slot, so the owner of a slot
 * gives out its block without asking anybody, and "owner of the slot" is the next hop of a few
 * prefixes.
 *
 * From a pool smaller than the slots, or when the block is used up, an address is leased: an object
 * in the store named after it, written by compare-and-set before IKE_AUTH is answered. INV-VIP. */
#include <stdio.h>
#include <string.h>

#include "node/core/engine_state.h"
#include "statesync/base/breaks.h"
#include "statesync/base/wr.h"

enum { LEASE_MS = 24 * 3600 * 1000, LEASE_TRIES = 256 };

struct range {
    uint64_t first, count; /* usable addresses, counted from the prefix address */
};

/* Usable addresses of a pool: of an IPv4 network neither its own nor the broadcast address. */
static struct range usable(const struct ip_prefix *p)
{
    unsigned host_bits = (unsigned)ip_len(&p->addr) * 8 - p->bits;
    uint64_t all = host_bits >= 32 ? (uint64_t)1 << 32 : (uint64_t)1 << host_bits;

    if (host_bits < 2)
        return (struct range){ 0, all };
    return p->addr.family == 4 ? (struct range){ 1, all - 2 } : (struct range){ 1, all - 1 };
}

static struct range block_of(const struct engine *e, const struct ip_prefix *p, uint16_t slot)
{
    struct range u = usable(p);
    uint64_t each = u.count / e->cfg.slots;

    return (struct range){ u.first + each * slot, each };
}

static bool in_use(struct engine *e, uint16_t slot, const struct ip_addr *a)
{
    for (struct ike_sa *sa = e->slots[slot].head; sa != NULL; sa = sa->slot_next)
        if (sa->r.state != SS_DELETED || sa->commit != NULL)
            for (unsigned i = 0; i < sa->r.n_vips; i++)
                if (ip_eq(&sa->r.vips[i], a))
                    return true;
    return false;
}

static bool anybody_here_uses(struct engine *e, const struct ip_addr *a)
{
    for (uint16_t s = 0; s < e->cfg.slots; s++)
        if (e->slots[s].head != NULL && in_use(e, s, a))
            return true;
    return false;
}

static enum err from_block(struct engine *e, struct ike_sa *sa, const struct policy_pool *pool,
                           struct ip_addr *ret)
{
    struct range b = block_of(e, &pool->prefix, sa->slot);

    for (uint64_t i = 0; i < b.count && i < 65536; i++) {
        struct ip_addr a = ip_add(&pool->prefix.addr, b.first + i);

        if (!in_use(e, sa->slot, &a)) {
            *ret = a;
            return OK;
        }
    }
    return E_NO_ADDRESS;
}

/* Outside of every block: the remainder behind the last one, or the whole of a small pool. */
static enum err lease(struct engine *e, struct ike_sa *sa, const struct policy_pool *pool,
                      struct actions *out)
{
    struct range u = usable(&pool->prefix);
    uint64_t skip = u.count / e->cfg.slots * e->cfg.slots, n = u.count - skip;
    char text[IP_TEXT_MAX], name[IP_TEXT_MAX + 8];
    uint8_t value[24];
    struct wr w = wr_of(value, sizeof value);
    struct ip_addr a = { 0 };
    struct action *act;
    struct span copy, name_copy;

    for (unsigned i = 0; i < LEASE_TRIES; i++) {
        if (n == 0)
            return E_NO_ADDRESS;
        a = ip_add(&pool->prefix.addr, u.first + skip + env_uniform(e->env, n));
        if (!anybody_here_uses(e, &a))
            break;
        a.family = 0;
    }
    if (a.family == 0)
        return E_NO_ADDRESS;
    if (BREAK(e->env, ADDRESS_WITHOUT_LEASE)) {
        sa->lease_vip = a;
        return OK;
    }
    wr_u64(&w, session_own_spi(&sa->r));
    wr_u32(&w, slot_of(e, sa)->token.epoch);
    wr_u16(&w, slot_of(e, sa)->token.node);
    wr_u32(&w, slot_of(e, sa)->token.boot);
    snprintf(name, sizeof name, "vip:%s", ip_text(&a, text));
    copy = actions_copy(out, wr_span(&w));
    name_copy = actions_copy(out, span_of(name, strlen(name) + 1));
    act = actions_add(out, ACT_STORE);
    act->op.kind = STORE_PUT;
    act->op.ticket = sa->lease_ticket = e->next_ticket++;
    act->op.name = (const char *)name_copy.p;
    act->op.value = copy;
    act->op.ttl_ms = LEASE_MS;
    sa->lease_vip = a;
    return E_TEMPORARY;
}

enum err pool_take(void *host, struct ike_sa *sa, const struct policy_pool *pool,
                   struct ip_addr *ret, bool *ret_leased)
{
    struct engine *e = host;

    *ret_leased = false;
    if (from_block(e, sa, pool, ret) == OK)
        return OK;
    if (sa->lease_ticket != 0) /* asked for: not ours before the store says so */
        return E_TEMPORARY;
    if (sa->lease_vip.family == pool->prefix.addr.family &&
        prefix_contains(&pool->prefix, &sa->lease_vip)) {
        *ret = sa->lease_vip;
        *ret_leased = true;
        return OK;
    }
    TRY(lease(e, sa, pool, e->lease_out));
    *ret = sa->lease_vip;
    *ret_leased = true;
    return OK;
}

bool engine_slot_of_inner(const struct engine *e, const struct ip_addr *inner, uint16_t *ret_slot)
{
    for (size_t c = 0; c < e->policy->n_conns; c++)
        for (unsigned i = 0; i < e->policy->conns[c].n_pools; i++) {
            const struct ip_prefix *p = &e->policy->conns[c].pools[i].prefix;
            struct range u = usable(p);
            uint64_t each = u.count / e->cfg.slots, index = 0;

            if (!prefix_contains(p, inner) || each == 0)
                continue;
            for (size_t b = ip_len(inner) > 8 ? ip_len(inner) - 8 : 0; b < ip_len(inner); b++)
                index = index << 8 | (uint8_t)(inner->ip[b] - 0);
            for (uint64_t base = 0, b = ip_len(inner) > 8 ? ip_len(inner) - 8 : 0;; b++) {
                if (b == ip_len(inner)) {
                    index -= base;
                    break;
                }
                base = base << 8 | p->addr.ip[b];
            }
            if (index < u.first || index >= u.first + each * e->cfg.slots)
                continue;
            *ret_slot = (uint16_t)((index - u.first) / each);
            return true;
        }
    return false;
}

uint64_t engine_session_of_inner(const struct engine *e, const struct ip_addr *inner)
{
    uint16_t slot;

    if (!engine_slot_of_inner(e, inner, &slot))
        return 0;
    for (struct ike_sa *sa = e->slots[slot].head; sa != NULL; sa = sa->slot_next)
        if (sa->r.state == SS_ESTABLISHED)
            for (unsigned i = 0; i < sa->r.n_vips; i++)
                if (ip_eq(&sa->r.vips[i], inner))
                    return session_own_spi(&sa->r);
    return 0;
}
