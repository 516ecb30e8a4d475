/* ts_narrow: see the header.
 *
 * Everything is a box: addresses x protocol x ports. The meeting of two boxes is a box again, so
 * narrowing is pairwise meeting plus leaving out what another result already contains. At most
 * LIMIT_SELECTORS_WIRE squared meetings. */
#include "node/sa/ts_narrow.h"

#include <string.h>

enum { PORT_MAX = 65535 };

struct ts ts_any(uint8_t family)
{
    struct ts t = { .port_last = PORT_MAX };

    t.first.family = t.last.family = family;
    memset(t.last.ip, 0xff, ip_len(&t.last));
    return t;
}

struct ts ts_prefix(const struct ip_prefix *p)
{
    struct ts t = { .port_last = PORT_MAX, .first = p->addr, .last = p->addr };
    size_t len = ip_len(&p->addr);

    for (size_t i = 0; i < len; i++) {
        unsigned host = i * 8 >= p->bits ? 0xff : p->bits - i * 8 >= 8 ? 0 : 0xff >> (p->bits % 8);

        t.first.ip[i] &= (uint8_t)~host;
        t.last.ip[i] |= (uint8_t)host;
    }
    return t;
}

struct ts ts_address(const struct ip_addr *a)
{
    return (struct ts){ .port_last = PORT_MAX, .first = *a, .last = *a };
}

static bool any_port(const struct ts *t)
{
    return t->port_first == 0 && t->port_last == PORT_MAX;
}

static bool ports_contain(const struct ts *a, const struct ts *b)
{
    if (any_port(a))
        return true;
    if (ts_opaque(a) || ts_opaque(b))
        return ts_opaque(a) && ts_opaque(b);
    return a->port_first <= b->port_first && a->port_last >= b->port_last;
}

bool ts_contains(const struct ts *a, const struct ts *b)
{
    return a->first.family == b->first.family && (a->protocol == 0 || a->protocol == b->protocol) &&
           ports_contain(a, b) && ip_cmp(&a->first, &b->first) <= 0 &&
           ip_cmp(&a->last, &b->last) >= 0;
}

static bool ports_meet(const struct ts *a, const struct ts *b, struct ts *t)
{
    const struct ts *opaque = ts_opaque(a) ? a : b;

    if (ts_opaque(a) || ts_opaque(b)) {
        if (!ports_contain(a, b) && !ports_contain(b, a))
            return false;
        t->port_first = opaque->port_first;
        t->port_last = opaque->port_last;
        return true;
    }
    t->port_first = a->port_first > b->port_first ? a->port_first : b->port_first;
    t->port_last = a->port_last < b->port_last ? a->port_last : b->port_last;
    return t->port_first <= t->port_last;
}

bool ts_meet(const struct ts *a, const struct ts *b, struct ts *ret)
{
    struct ts t;

    if (a->first.family != b->first.family)
        return false;
    if (a->protocol != 0 && b->protocol != 0 && a->protocol != b->protocol)
        return false;
    t.protocol = a->protocol != 0 ? a->protocol : b->protocol;
    if (!ports_meet(a, b, &t))
        return false;
    t.first = ip_cmp(&a->first, &b->first) > 0 ? a->first : b->first;
    t.last = ip_cmp(&a->last, &b->last) < 0 ? a->last : b->last;
    if (ip_cmp(&t.first, &t.last) > 0)
        return false;
    *ret = t;
    return true;
}

static bool contained(const struct ts *set, size_t n, const struct ts *t)
{
    for (size_t i = 0; i < n; i++)
        if (ts_contains(&set[i], t))
            return true;
    return false;
}

/* Adds t unless the set has it already, in place of what t contains; false: no room. */
static bool add(struct ts *set, size_t *n, const struct ts *t)
{
    size_t kept = 0;

    if (contained(set, *n, t))
        return true;
    for (size_t i = 0; i < *n; i++)
        if (!ts_contains(t, &set[i]))
            set[kept++] = set[i];
    *n = kept;
    if (*n == LIMIT_SELECTORS)
        return false;
    set[(*n)++] = *t;
    return true;
}

enum err ts_narrow(const struct ts *ours, size_t n_ours, const struct ts *theirs, size_t n_theirs,
                   struct ts ret[LIMIT_SELECTORS], size_t *ret_n, bool *ret_narrowed)
{
    struct ts set[LIMIT_SELECTORS], t;
    size_t n = 0;
    bool narrowed = false;

    if (n_ours > LIMIT_SELECTORS_WIRE || n_theirs > LIMIT_SELECTORS_WIRE)
        return E_LIMIT;
    for (size_t i = 0; i < n_theirs; i++)
        narrowed |= !contained(ours, n_ours, &theirs[i]);
    /* RFC 7296 2.9: a narrowed set includes the initiator's first choices: theirs[0] is met first,
     * so the limit never drops what it selects. */
    for (size_t i = 0; i < n_theirs; i++)
        for (size_t j = 0; j < n_ours; j++)
            if (ts_meet(&theirs[i], &ours[j], &t) && !add(set, &n, &t))
                narrowed = true;
    if (n == 0)
        return E_TS_UNACCEPTABLE;
    for (size_t i = 0; i < n; i++)
        ret[i] = set[i];
    *ret_n = n;
    *ret_narrowed = narrowed;
    return OK;
}

void ts_dynamic(const struct ip_addr *vips, size_t n_vips, const struct ip_addr *fallback,
                struct ts ret[LIMIT_SELECTORS], size_t *ret_n)
{
    size_t n = 0;

    for (size_t i = 0; i < n_vips && n < LIMIT_SELECTORS; i++)
        if (vips[i].family != 0)
            ret[n++] = ts_address(&vips[i]);
    if (n == 0 && fallback != NULL && fallback->family != 0)
        ret[n++] = ts_address(fallback);
    *ret_n = n;
}

bool ts_within(const struct ts *offered, size_t n_offered, const struct ts *got, size_t n_got)
{
    for (size_t i = 0; i < n_got; i++)
        if (!contained(offered, n_offered, &got[i]))
            return false;
    return n_got > 0;
}
