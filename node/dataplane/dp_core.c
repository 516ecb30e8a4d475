/* dp_core: SA table and bookkeeping common to the data planes.
 *
 * Inbound SAs are found by SPI (unique in the cluster). Outbound ones by the inner destination: a
 * hash over single addresses (virtual IPs), then the list of ranges; in both the newest first, so
 * that a rekeyed SA takes over at once. Calls from event handlers are allowed everywhere: nothing
 * here keeps an SA pointer across an event. */
#include "node/dataplane/dp_core.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define SA_OF(link, member) ((struct dp_sa *)((char *)(link)-offsetof(struct dp_sa, member)))

static void link_init(struct dp_link *l)
{
    l->prev = l->next = l;
}

static bool link_alone(const struct dp_link *l)
{
    return l->next == l;
}

static void link_remove(struct dp_link *l)
{
    l->prev->next = l->next;
    l->next->prev = l->prev;
    link_init(l);
}

static void link_append(struct dp_link *list, struct dp_link *l)
{
    l->prev = list->prev;
    l->next = list;
    list->prev->next = l;
    list->prev = l;
}

static size_t spi_bucket(const struct dp_core *core, uint32_t spi)
{
    return (spi * 0x9e3779b97f4a7c15ULL >> 32) & (core->buckets - 1);
}

static size_t host_bucket(const struct dp_core *core, const struct ip_addr *a)
{
    uint64_t w[2];

    memcpy(w, a->ip, sizeof(w));
    return ((w[0] ^ w[1] * 0xff51afd7ed558ccdULL) * 0x9e3779b97f4a7c15ULL >> 32) &
           (core->buckets - 1);
}

enum err dp_core_init(struct dp_core *core, const struct dataplane_ops *ops)
{
    core->dp.ops = ops;
    core->buckets = 64;
    core->by_spi = calloc(core->buckets, sizeof(struct dp_sa *));
    core->by_host = calloc(core->buckets, sizeof(struct dp_out *));
    link_init(&core->all);
    link_init(&core->pending);
    link_init(&core->dirty);
    return core->by_spi != NULL && core->by_host != NULL ? OK : E_NOMEM;
}

static void out_insert(struct dp_core *core, struct dp_out *o)
{
    struct dp_out **head =
        o->host.family == 0 ? &core->ranges : &core->by_host[host_bucket(core, &o->host)];

    o->next = *head;
    *head = o;
}

static void out_remove(struct dp_core *core, struct dp_out *o)
{
    struct dp_out **at =
        o->host.family == 0 ? &core->ranges : &core->by_host[host_bucket(core, &o->host)];

    while (*at != o)
        at = &(*at)->next;
    *at = o->next;
}

/* Oldest first, so that heads of chains are the newest again. */
static enum err grow(struct dp_core *core)
{
    size_t n = core->buckets * 2;
    struct dp_sa **by_spi = calloc(n, sizeof(struct dp_sa *));
    struct dp_out **by_host = calloc(n, sizeof(struct dp_out *));

    if (by_spi == NULL || by_host == NULL) {
        free(by_spi);
        free(by_host);
        return E_NOMEM;
    }
    free(core->by_spi);
    free(core->by_host);
    core->by_spi = by_spi;
    core->by_host = by_host;
    core->buckets = n;
    core->ranges = NULL;
    for (struct dp_link *l = core->all.next; l != &core->all; l = l->next) {
        struct dp_sa *sa = SA_OF(l, all);
        size_t b = spi_bucket(core, sa->spi_in);

        sa->next_spi = core->by_spi[b];
        core->by_spi[b] = sa;
        for (unsigned i = 0; i < sa->n_remote; i++)
            out_insert(core, &sa->out[i]);
    }
    return OK;
}

static void sa_free(struct dp_sa *sa)
{
    sa->seal = esp_cipher_free(sa->seal);
    sa->open = esp_cipher_free(sa->open);
    secret_wipe(&sa->encr_in);
    secret_wipe(&sa->encr_out);
    secret_wipe(&sa->integ_in);
    secret_wipe(&sa->integ_out);
    free(sa->out);
    free(sa);
}

static void sa_unlink(struct dp_core *core, struct dp_sa *sa)
{
    struct dp_sa **at = &core->by_spi[spi_bucket(core, sa->spi_in)];

    while (*at != sa)
        at = &(*at)->next_spi;
    *at = sa->next_spi;
    for (unsigned i = 0; i < sa->n_remote; i++)
        out_remove(core, &sa->out[i]);
    link_remove(&sa->all);
    link_remove(&sa->pending);
    link_remove(&sa->dirty);
    core->count--;
    core->generation++;
}

void dp_core_clear(struct dp_core *core)
{
    while (!link_alone(&core->all)) {
        struct dp_sa *sa = SA_OF(core->all.next, all);

        sa_unlink(core, sa);
        sa_free(sa);
    }
    memset(core->deadline_ms, 0, sizeof(core->deadline_ms));
}

void dp_core_done(struct dp_core *core)
{
    if (core->by_spi != NULL && core->by_host != NULL)
        dp_core_clear(core);
    free(core->by_spi);
    free(core->by_host);
    core->by_spi = NULL;
    core->by_host = NULL;
}

static void raise_event(struct dp_core *core, const struct dp_event *ev)
{
    if (core->dp.on_event != NULL)
        core->dp.on_event(core->dp.ctx, ev);
}

struct dp_sa *dp_core_find(const struct dp_core *core, uint32_t spi_in)
{
    struct dp_sa *sa = core->by_spi[spi_bucket(core, spi_in)];

    while (sa != NULL && sa->spi_in != spi_in)
        sa = sa->next_spi;
    return sa;
}

/* Half of what is left; asked again at each further half, in case an answer got lost. */
static void set_reserve_mark(struct dp_sa *sa)
{
    uint64_t left = sa->block.end > sa->block.next ? sa->block.end - sa->block.next : 0;

    sa->reserve_at = sa->block.next + (left + 1) / 2;
}

static bool is_host(const struct dp_selector *ts)
{
    return ts->first.family != 0 && ip_eq(&ts->first, &ts->last);
}

static enum err check_child(const struct dp_core *core, const struct dp_child *c)
{
    const struct esp_suite *s = esp_suite_find(c->encr, c->encr_key_bits, c->integ);

    if (dp_core_find(core, c->spi_in) != NULL)
        return E_CONFLICT;
    if (s == NULL)
        return E_UNSUPPORTED;
    if (c->slot >= LIMIT_SLOTS || c->n_local == 0 || c->n_local > DP_SELECTORS ||
        c->n_remote == 0 || c->n_remote > DP_SELECTORS || c->spi_in == 0 || c->spi_out == 0)
        return E_BAD_VALUE;
    if (c->encr_in.len != s->key_len || c->encr_out.len != s->key_len ||
        c->integ_in.len != s->integ_len || c->integ_out.len != s->integ_len)
        return E_BAD_LENGTH;
    if (c->seq_next == 0 || c->seq_end < c->seq_next)
        return E_BAD_VALUE;
    return OK;
}

static struct dp_sa *sa_new(const struct dp_child *c)
{
    size_t n = (size_t)c->n_local + c->n_remote;
    struct dp_sa *sa = calloc(1, sizeof(*sa) + n * sizeof(sa->ts[0]));

    if (sa == NULL)
        return NULL;
    sa->out = calloc(c->n_remote, sizeof(sa->out[0]));
    if (sa->out == NULL) {
        free(sa);
        return NULL;
    }
    link_init(&sa->all);
    link_init(&sa->pending);
    link_init(&sa->dirty);
    sa->spi_in = c->spi_in;
    sa->spi_out = c->spi_out;
    sa->slot = c->slot;
    sa->esn = c->esn;
    sa->udp_encap = c->udp_encap;
    sa->strict_in = c->strict_in;
    sa->hold_out = c->hold_out;
    sa->suite = esp_suite_find(c->encr, c->encr_key_bits, c->integ);
    sa->local = c->local;
    sa->remote = c->remote;
    sa->block = (struct esp_block){ c->seq_next, c->seq_end };
    set_reserve_mark(sa);
    replay_init(&sa->win, c->window_bits, c->esn, &c->window);
    sa->soft_bytes = c->soft_bytes;
    sa->soft_packets = c->soft_packets;
    sa->hard_bytes = c->hard_bytes;
    sa->hard_packets = c->hard_packets;
    sa->encr_in = c->encr_in;
    sa->encr_out = c->encr_out;
    sa->integ_in = c->integ_in;
    sa->integ_out = c->integ_out;
    sa->n_local = c->n_local;
    sa->n_remote = c->n_remote;
    memcpy(sa->ts, c->local_ts, c->n_local * sizeof(sa->ts[0]));
    memcpy(sa->ts + c->n_local, c->remote_ts, c->n_remote * sizeof(sa->ts[0]));
    for (unsigned i = 0; i < c->n_remote; i++) {
        sa->out[i].sa = sa;
        if (is_host(&c->remote_ts[i]))
            sa->out[i].host = c->remote_ts[i].first;
    }
    return sa;
}

void dp_core_install(struct dp_core *core, const struct dp_child *child)
{
    struct dp_event ev = { .kind = DPE_INSTALLED, .spi_in = child->spi_in };
    struct dp_sa *sa = NULL;
    size_t b;

    ev.err = check_child(core, child);
    if (ev.err == OK && core->count >= core->buckets)
        ev.err = grow(core);
    if (ev.err == OK) {
        sa = sa_new(child);
        ev.err = sa == NULL ? E_NOMEM : OK;
    }
    if (ev.err != OK) {
        raise_event(core, &ev);
        return;
    }
    b = spi_bucket(core, sa->spi_in);
    sa->next_spi = core->by_spi[b];
    core->by_spi[b] = sa;
    for (unsigned i = 0; i < sa->n_remote; i++)
        out_insert(core, &sa->out[i]);
    link_append(&core->all, &sa->all);
    core->count++;
    core->generation++;
    dp_sa_counters(sa, &ev.counters);
    raise_event(core, &ev);
}

void dp_core_extend(struct dp_core *core, uint32_t spi_in, uint64_t seq_end)
{
    struct dp_sa *sa = dp_core_find(core, spi_in);

    if (sa == NULL)
        return;
    core->generation++;
    sa->hold_out = false;
    if (seq_end <= sa->block.end)
        return;
    sa->block.end = seq_end;
    set_reserve_mark(sa);
}

void dp_core_move(struct dp_core *core, uint32_t spi_in, const struct endpoint *local,
                  const struct endpoint *remote, bool udp_encap)
{
    struct dp_sa *sa = dp_core_find(core, spi_in);

    if (sa == NULL)
        return;
    core->generation++;
    sa->local = *local;
    sa->remote = *remote;
    sa->udp_encap = udp_encap;
    sa->seen = (struct endpoint){ 0 };
}

void dp_core_remove(struct dp_core *core, uint32_t spi_in)
{
    struct dp_event ev = { .kind = DPE_REMOVED, .spi_in = spi_in, .err = E_NOT_FOUND };
    struct dp_sa *sa = dp_core_find(core, spi_in);

    if (sa != NULL) {
        ev.err = OK;
        dp_sa_counters(sa, &ev.counters);
        sa_unlink(core, sa);
        sa_free(sa);
    }
    raise_event(core, &ev);
}

static void report(struct dp_core *core, struct dp_sa *sa, enum dp_event_kind kind)
{
    struct dp_event ev = { .kind = kind, .spi_in = sa->spi_in, .local = sa->local };

    ev.remote = kind == DPE_PEER_MOVED ? sa->seen : sa->remote;
    dp_sa_counters(sa, &ev.counters);
    if (kind == DPE_COUNTERS) {
        sa->unreported = 0;
        link_remove(&sa->dirty);
    }
    raise_event(core, &ev);
}

void dp_core_query(struct dp_core *core, uint32_t spi_in)
{
    struct dp_sa *sa = dp_core_find(core, spi_in);

    if (sa != NULL)
        report(core, sa, DPE_COUNTERS);
}

void dp_core_slot_deadline(struct dp_core *core, uint16_t slot, uint64_t deadline_ms)
{
    if (slot < LIMIT_SLOTS)
        core->deadline_ms[slot] = deadline_ms;
}

static bool can_send(const struct dp_core *core, const struct dp_sa *sa)
{
    return core->now_ms < core->deadline_ms[sa->slot] && !sa->hold_out && !sa->hard_reached;
}

static struct dp_sa *search(const struct dp_core *core, struct dp_out *o, const struct ip_packet *p,
                            struct dp_sa **inout_second)
{
    for (; o != NULL; o = o->next) {
        struct dp_sa *sa = o->sa;

        if (o->host.family != 0 && !ip_eq(&o->host, &p->dst))
            continue;
        if (!ts_match_out(sa->ts, sa->n_local, dp_sa_remote_ts(sa), sa->n_remote, p))
            continue;
        if (can_send(core, sa))
            return sa;
        if (*inout_second == NULL)
            *inout_second = sa;
    }
    return NULL;
}

struct dp_sa *dp_core_find_out(const struct dp_core *core, const struct ip_packet *p)
{
    struct dp_sa *blocked = NULL;
    struct dp_sa *sa = search(core, core->by_host[host_bucket(core, &p->dst)], p, &blocked);

    if (sa == NULL)
        sa = search(core, core->ranges, p, &blocked);
    return sa != NULL ? sa : blocked;
}

enum err dp_sa_may_send(struct dp_core *core, const struct dp_sa *sa, enum dp_drop *ret_why)
{
    if (core->now_ms >= core->deadline_ms[sa->slot]) {
        *ret_why = DROP_SLOT;
        return E_LEASE_LOST;
    }
    if (!sa->hold_out && !sa->hard_reached)
        return OK;
    *ret_why = sa->hold_out ? DROP_HOLD : DROP_LIFETIME;
    return E_NOT_ALLOWED;
}

enum err dp_sa_may_receive(struct dp_core *core, const struct dp_sa *sa, enum dp_drop *ret_why)
{
    if (core->now_ms >= core->deadline_ms[sa->slot]) {
        *ret_why = DROP_SLOT;
        return E_LEASE_LOST;
    }
    if (!sa->strict_in && !sa->hard_reached)
        return OK;
    *ret_why = sa->strict_in ? DROP_STRICT : DROP_LIFETIME;
    return E_NOT_ALLOWED;
}

static void want(struct dp_core *core, struct dp_sa *sa, enum dp_event_kind kind)
{
    sa->events |= 1U << kind;
    if (link_alone(&sa->pending))
        link_append(&core->pending, &sa->pending);
}

static void mark_dirty(struct dp_core *core, struct dp_sa *sa)
{
    if (!link_alone(&sa->dirty))
        return;
    sa->dirty_ms = core->now_ms;
    link_append(&core->dirty, &sa->dirty);
}

static bool reached(const struct dp_sa *sa, uint64_t bytes, uint64_t packets)
{
    return (bytes != 0 && sa->bytes_in + sa->bytes_out >= bytes) ||
           (packets != 0 && sa->packets_in + sa->packets_out >= packets);
}

static void check_lifetimes(struct dp_core *core, struct dp_sa *sa)
{
    if (!sa->soft_told && reached(sa, sa->soft_bytes, sa->soft_packets)) {
        sa->soft_told = true;
        want(core, sa, DPE_SOFT_LIFETIME);
    }
    if (!sa->hard_reached && reached(sa, sa->hard_bytes, sa->hard_packets)) {
        sa->hard_reached = true;
        want(core, sa, DPE_HARD_LIFETIME);
    }
}

void dp_sa_sent(struct dp_core *core, struct dp_sa *sa, size_t bytes)
{
    if (sa->block.next >= sa->reserve_at) {
        /* An empty block has asked at its last number; drops behind it do not ask again. */
        if (sa->block.next < sa->block.end || bytes > 0)
            want(core, sa, DPE_RESERVE);
        set_reserve_mark(sa);
    }
    if (bytes == 0)
        return;
    sa->bytes_out += bytes;
    sa->packets_out++;
    mark_dirty(core, sa);
    check_lifetimes(core, sa);
}

void dp_sa_received(struct dp_core *core, struct dp_sa *sa, size_t bytes,
                    const struct endpoint *from, bool newest)
{
    sa->bytes_in += bytes;
    sa->packets_in++;
    sa->last_in_ms = core->now_ms;
    mark_dirty(core, sa);
    check_lifetimes(core, sa);
    if (++sa->unreported >= core->dp.window_packets && core->dp.window_packets != 0) {
        sa->unreported = 0;
        want(core, sa, DPE_COUNTERS);
    }
    /* Only a newer number: a delayed packet from the old address must not move the peer back. */
    if (newest && !endpoint_eq(from, &sa->remote) && !endpoint_eq(from, &sa->seen)) {
        sa->seen = *from;
        want(core, sa, DPE_PEER_MOVED);
    }
}

void dp_sa_counters(const struct dp_sa *sa, struct dp_counters *ret)
{
    struct dp_counters c = {
        .seq_used = sa->block.next - 1,
        .bytes_in = sa->bytes_in,
        .packets_in = sa->packets_in,
        .bytes_out = sa->bytes_out,
        .packets_out = sa->packets_out,
        .replay_drops = sa->replay_drops,
        .auth_drops = sa->auth_drops,
        .last_in_ms = sa->last_in_ms,
    };

    replay_export(&sa->win, &c.window);
    *ret = c;
}

void dp_core_raise(struct dp_core *core)
{
    static const enum dp_event_kind order[] = { DPE_PEER_MOVED, DPE_RESERVE, DPE_SOFT_LIFETIME,
                                                DPE_COUNTERS, DPE_HARD_LIFETIME };

    while (!link_alone(&core->pending)) {
        struct dp_sa *sa = SA_OF(core->pending.next, pending);
        uint32_t spi = sa->spi_in;
        unsigned events = sa->events;

        sa->events = 0;
        link_remove(&sa->pending);
        for (size_t i = 0; i < sizeof(order) / sizeof(order[0]); i++) {
            if ((events >> order[i] & 1) == 0)
                continue;
            sa = dp_core_find(core, spi); /* a handler may have removed it */
            if (sa == NULL)
                break;
            report(core, sa, order[i]);
        }
    }
}

void dp_core_tick(struct dp_core *core)
{
    size_t bound = core->count;

    if (core->dp.window_ms == 0)
        return;
    while (bound-- > 0 && !link_alone(&core->dirty)) {
        struct dp_sa *sa = SA_OF(core->dirty.next, dirty);

        if (core->now_ms - sa->dirty_ms < core->dp.window_ms)
            break;
        report(core, sa, DPE_COUNTERS);
    }
}
