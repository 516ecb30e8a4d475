#include "statesync/record/membership_record.h"

#include <stdlib.h>

#include "proto/membership.pb-c.h"
#include "statesync/record/pb_arena.h"
#include "statesync/record/pb_field.h"

enum { MEMBERSHIP_FORMAT = 1, MEMBERSHIP_MAX = 32 * 1024 };

enum err membership_encode(const struct membership *m, struct bytes *ret)
{
    Ikestra__Membership msg = IKESTRA__MEMBERSHIP__INIT;
    Ikestra__Member member[LIMIT_NODES], *members[LIMIT_NODES];
    Ikestra__Endpoint addr[LIMIT_NODES];
    Ikestra__MemberOut out[LIMIT_NODES], *outs[LIMIT_NODES];
    uint8_t *p;
    size_t len;

    msg.format = MEMBERSHIP_FORMAT;
    msg.slots = m->slots;
    for (size_t i = 0; i < m->n; i++) {
        ikestra__member__init(&member[i]);
        member[i].node = m->members[i].node;
        member[i].boot = m->members[i].boot;
        addr[i] = pb_of_endpoint(&m->members[i].cluster_addr);
        member[i].cluster_addr = &addr[i];
        member[i].leaving = m->members[i].leaving;
        member[i].name = pb_of_name(m->members[i].name);
        members[i] = &member[i];
    }
    msg.n_members = m->n;
    msg.members = members;
    for (size_t i = 0; i < m->n_out; i++) {
        ikestra__member_out__init(&out[i]);
        out[i].node = m->out[i].node;
        out[i].boot = m->out[i].boot;
        out[i].holddown_until_ms = m->out[i].holddown_until_ms;
        outs[i] = &out[i];
    }
    msg.n_out = m->n_out;
    msg.out = outs;
    len = ikestra__membership__get_packed_size(&msg);
    p = malloc(len);
    if (p == NULL)
        return E_NOMEM;
    ikestra__membership__pack(&msg, p);
    *ret = (struct bytes){ p, len };
    return OK;
}

static bool is_member(const struct membership *m, uint16_t node)
{
    for (size_t i = 0; i < m->n; i++)
        if (m->members[i].node == node)
            return true;
    return false;
}

static void to_members(const Ikestra__Membership *msg, struct membership *ret, enum err *e)
{
    if (msg->n_members > LIMIT_NODES && *e == OK)
        *e = E_LIMIT;
    for (size_t i = 0; *e == OK && i < msg->n_members; i++) {
        const Ikestra__Member *from = msg->members[i];
        struct member *to = &ret->members[i];

        pb_known(&from->base, e);
        to->node = pb_node(from->node, e);
        to->boot = from->boot;
        to->cluster_addr = pb_endpoint(from->cluster_addr, e);
        to->leaving = from->leaving;
        pb_name(from->name, to->name, e);
        if (*e == OK && (to->boot == 0 || (i > 0 && to->node <= ret->members[i - 1].node)))
            *e = E_BAD_VALUE;
        ret->n++;
    }
}

static void to_out(const Ikestra__Membership *msg, struct membership *ret, enum err *e)
{
    if (msg->n_out > LIMIT_NODES && *e == OK)
        *e = E_LIMIT;
    for (size_t i = 0; *e == OK && i < msg->n_out; i++) {
        const Ikestra__MemberOut *from = msg->out[i];
        struct member_out *to = &ret->out[i];

        pb_known(&from->base, e);
        to->node = pb_node(from->node, e);
        to->boot = from->boot;
        to->holddown_until_ms = from->holddown_until_ms;
        if (*e == OK && ((i > 0 && to->node <= ret->out[i - 1].node) || is_member(ret, to->node)))
            *e = E_BAD_VALUE;
        ret->n_out++;
    }
}

static bool slots_valid(uint32_t n)
{
    return n >= 1 && n <= LIMIT_SLOTS && (n & (n - 1)) == 0;
}

enum err membership_decode(struct span plain, struct membership *ret)
{
    struct membership m = { 0 };
    struct pb_arena arena;
    Ikestra__Membership *msg;
    enum err e = OK;

    if (plain.len > MEMBERSHIP_MAX)
        return E_LIMIT;
    pb_arena_init(&arena);
    msg = ikestra__membership__unpack(&arena.allocator, plain.len, plain.p);
    if (msg == NULL) {
        e = E_BAD_VALUE;
    } else if (msg->format != MEMBERSHIP_FORMAT) {
        e = E_BAD_VERSION;
    } else {
        pb_known(&msg->base, &e);
        if (e == OK && !slots_valid(msg->slots))
            e = E_BAD_VALUE;
        m.slots = (uint16_t)msg->slots;
        to_members(msg, &m, &e);
        to_out(msg, &m, &e);
    }
    pb_arena_done(&arena);
    if (e == OK)
        *ret = m;
    return e;
}
