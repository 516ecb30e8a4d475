#include "statesync/lease/membership.h"

const struct member *membership_find(const struct membership *m, uint16_t node)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->members[i].node == node)
            return &m->members[i];
    return NULL;
}

const struct member_out *membership_find_out(const struct membership *m, uint16_t node)
{
    for (size_t i = 0; i < m->n_out; i++)
        if (m->out[i].node == node)
            return &m->out[i];
    return NULL;
}

static void drop_member(struct membership *m, uint16_t node)
{
    size_t kept = 0;

    for (size_t i = 0; i < m->n; i++)
        if (m->members[i].node != node)
            m->members[kept++] = m->members[i];
    m->n = (uint8_t)kept;
}

static void drop_out(struct membership *m, uint16_t node)
{
    size_t kept = 0;

    for (size_t i = 0; i < m->n_out; i++)
        if (m->out[i].node != node)
            m->out[kept++] = m->out[i];
    m->n_out = (uint8_t)kept;
}

/* In rising order of node; there is room. */
static void insert_member(struct membership *m, const struct member *who)
{
    size_t i = m->n++;

    for (; i > 0 && m->members[i - 1].node > who->node; i--)
        m->members[i] = m->members[i - 1];
    m->members[i] = *who;
}

/* The lists together hold at most LIMIT_NODES different nodes; a node that cannot be remembered as
 * put out (another configuration's nodes fill the list) loses only its hold-down. */
static void insert_out(struct membership *m, const struct member_out *who)
{
    size_t i;

    if (m->n_out == LIMIT_NODES)
        return;
    i = m->n_out++;
    for (; i > 0 && m->out[i - 1].node > who->node; i--)
        m->out[i] = m->out[i - 1];
    m->out[i] = *who;
}

enum err membership_join(struct membership *m, const struct member *who, uint16_t slots,
                         uint64_t wall_ms)
{
    const struct member *old = membership_find(m, who->node);
    const struct member_out *out = membership_find_out(m, who->node);
    struct member in = *who;

    if (who->node == 0 || who->node > 0xfff || who->boot == 0)
        return E_BAD_VALUE;
    if (slots == 0 || slots > LIMIT_SLOTS || (slots & (slots - 1)) != 0)
        return E_BAD_VALUE;
    if (m->slots != 0 && m->slots != slots)
        return E_CONFIG;
    if (old != NULL && who->boot < old->boot)
        return E_NOT_ALLOWED;
    /* A restarted node (newer boot second) is another process: the hold-down was not for it. */
    if (out != NULL &&
        (who->boot < out->boot || (who->boot == out->boot && wall_ms < out->holddown_until_ms)))
        return E_NOT_ALLOWED;
    if (old == NULL && m->n == LIMIT_NODES)
        return E_LIMIT;
    in.leaving = false;
    drop_member(m, who->node);
    drop_out(m, who->node);
    insert_member(m, &in);
    m->slots = slots;
    return OK;
}

enum err membership_remove(struct membership *m, uint16_t node, uint32_t boot, uint64_t wall_ms,
                           uint32_t holddown_ms)
{
    const struct member *old = membership_find(m, node);
    struct member_out out = { .node = node, .boot = boot };

    if (old == NULL || old->boot != boot)
        return E_NOT_FOUND;
    out.holddown_until_ms = holddown_ms == 0 ? 0 : wall_ms + holddown_ms;
    drop_member(m, node);
    insert_out(m, &out);
    return OK;
}

enum err membership_leaving(struct membership *m, uint16_t node, uint32_t boot)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->members[i].node == node && m->members[i].boot == boot) {
            m->members[i].leaving = true;
            return OK;
        }
    return E_NOT_FOUND;
}

bool membership_condemned(const struct membership *m, uint16_t accused, unsigned accusers)
{
    unsigned others = m->n;

    if (membership_find(m, accused) == NULL)
        return false;
    others--;
    if (others == 0)
        return false;
    return accusers >= (others == 1 ? 1u : 2u);
}
