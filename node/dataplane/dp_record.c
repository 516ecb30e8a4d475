/* dp_record: dp_core with numbers instead of bytes. */
#include "node/dataplane/dp_record.h"

#include <stdlib.h>

#include "node/dataplane/dp_core.h"

struct dp_record {
    struct dp_core core; /* first */
    uint64_t calls[DPC_COUNT];
    unsigned fail_installs;
    enum err fail_err;
    struct dp_child scratch; /* of views; wiped after use */
};

static struct dp_record *rec(struct dataplane *dp)
{
    return (struct dp_record *)dp; /* core.dp is the first member of the first member */
}

static void op_install(struct dataplane *dp, const struct dp_child *child)
{
    struct dp_record *r = rec(dp);
    struct dp_event ev = { .kind = DPE_INSTALLED, .spi_in = child->spi_in, .err = r->fail_err };

    r->calls[DPC_INSTALL]++;
    if (r->fail_installs == 0) {
        dp_core_install(&r->core, child);
        return;
    }
    r->fail_installs--;
    if (dp->on_event != NULL)
        dp->on_event(dp->ctx, &ev);
}

static void op_extend(struct dataplane *dp, uint32_t spi_in, uint64_t seq_end)
{
    rec(dp)->calls[DPC_EXTEND]++;
    dp_core_extend(&rec(dp)->core, spi_in, seq_end);
}

static void op_move(struct dataplane *dp, uint32_t spi_in, const struct endpoint *local,
                    const struct endpoint *remote, bool udp_encap)
{
    rec(dp)->calls[DPC_MOVE]++;
    dp_core_move(&rec(dp)->core, spi_in, local, remote, udp_encap);
}

static void op_remove(struct dataplane *dp, uint32_t spi_in)
{
    rec(dp)->calls[DPC_REMOVE]++;
    dp_core_remove(&rec(dp)->core, spi_in);
}

static void op_query(struct dataplane *dp, uint32_t spi_in)
{
    rec(dp)->calls[DPC_QUERY]++;
    dp_core_query(&rec(dp)->core, spi_in);
}

static void op_slot_deadline(struct dataplane *dp, uint16_t slot, uint64_t deadline_ms)
{
    rec(dp)->calls[DPC_SLOT]++;
    dp_core_slot_deadline(&rec(dp)->core, slot, deadline_ms);
}

static const struct dataplane_ops record_ops = {
    .install = op_install,
    .extend = op_extend,
    .move = op_move,
    .remove = op_remove,
    .query = op_query,
    .slot_deadline = op_slot_deadline,
};

struct dataplane *dp_record_new(void (*on_event)(void *ctx, const struct dp_event *event),
                                void *ctx)
{
    struct dp_record *r = calloc(1, sizeof(*r));

    if (r == NULL)
        return NULL;
    if (dp_core_init(&r->core, &record_ops) != OK)
        return dp_record_free(&r->core.dp);
    r->core.dp.on_event = on_event;
    r->core.dp.ctx = ctx;
    return &r->core.dp;
}

struct dataplane *dp_record_free(struct dataplane *dp)
{
    if (dp == NULL)
        return NULL;
    dp_core_done(&rec(dp)->core);
    free(rec(dp));
    return NULL;
}

/* FNV-1a: tells keys apart in a simulation, and is not the key. */
static uint64_t fingerprint(const struct secret *s)
{
    struct span k = secret_expose(s);
    uint64_t h = 0xcbf29ce484222325ULL;

    for (size_t i = 0; i < k.len; i++)
        h = (h ^ k.p[i]) * 0x100000001b3ULL;
    return h == 0 ? 1 : h;
}

static enum err emit(struct dp_core *core, struct dp_sa *sa, uint32_t bytes,
                     struct dp_packet *ret_packet)
{
    enum dp_drop why;
    uint64_t seq = sa->block.next;
    enum err e = dp_sa_may_send(core, sa, &why);

    if (e != OK) {
        core->drops[why]++;
        return e;
    }
    if (seq >= sa->block.end || (!sa->esn && seq > UINT32_MAX)) {
        core->drops[DROP_BLOCK]++;
        dp_sa_sent(core, sa, 0);
        return E_LIMIT;
    }
    sa->block.next++;
    dp_sa_sent(core, sa, bytes == 0 ? 1 : bytes);
    *ret_packet = (struct dp_packet){ .spi = sa->spi_out,
                                      .seq = seq,
                                      .key = fingerprint(&sa->encr_out),
                                      .local = sa->local,
                                      .remote = sa->remote,
                                      .udp_encap = sa->udp_encap,
                                      .bytes = bytes };
    be64_put(ret_packet->iv, seq);
    return OK;
}

enum err dp_record_emit(struct dataplane *dp, uint32_t spi_in, uint32_t bytes, uint64_t now_ms,
                        struct dp_packet *ret_packet)
{
    struct dp_core *core = &rec(dp)->core;
    struct dp_sa *sa = dp_core_find(core, spi_in);
    enum err e;

    core->now_ms = now_ms;
    if (sa == NULL)
        return E_NOT_FOUND;
    e = emit(core, sa, bytes, ret_packet);
    dp_core_raise(core);
    return e;
}

static enum err receive(struct dp_core *core, struct dp_sa *sa, const struct dp_packet *p)
{
    enum dp_drop why;
    uint64_t seq, top = sa->win.top;
    enum err e = dp_sa_may_receive(core, sa, &why);

    if (e != OK) {
        core->drops[why]++;
        return e;
    }
    e = replay_check(&sa->win, (uint32_t)p->seq, &seq);
    if (e != OK) {
        core->drops[DROP_REPLAY]++;
        sa->replay_drops++;
        return e;
    }
    if ((p->key != 0 && p->key != fingerprint(&sa->encr_in)) || seq != p->seq) {
        core->drops[DROP_AUTH]++;
        sa->auth_drops++;
        return E_INTEGRITY;
    }
    TRY(replay_update(&sa->win, seq));
    dp_sa_received(core, sa, p->bytes, &p->local, seq > top);
    return OK;
}

enum err dp_record_receive(struct dataplane *dp, const struct dp_packet *packet, uint64_t now_ms)
{
    struct dp_core *core = &rec(dp)->core;
    struct dp_sa *sa = dp_core_find(core, packet->spi);
    enum err e;

    core->now_ms = now_ms;
    if (sa == NULL) {
        struct dp_event ev = { .kind = DPE_UNKNOWN_SPI,
                               .spi_in = packet->spi,
                               .local = packet->remote,
                               .remote = packet->local };
        uint8_t head[ESP_HEADER];

        core->drops[DROP_UNKNOWN_SPI]++;
        be32_put(head, packet->spi);
        be32_put(head + 4, (uint32_t)packet->seq);
        ev.packet = span_of(head, sizeof(head));
        if (dp->on_event != NULL)
            dp->on_event(dp->ctx, &ev);
        return E_NOT_FOUND;
    }
    e = receive(core, sa, packet);
    dp_core_raise(core);
    return e;
}

enum err dp_record_receive_seq(struct dataplane *dp, uint32_t spi_in, uint64_t seq, uint64_t now_ms)
{
    struct dp_sa *sa = dp_core_find(&rec(dp)->core, spi_in);
    struct dp_packet p = { .spi = spi_in, .seq = seq, .bytes = 100 };

    if (sa != NULL) {
        p.local = sa->remote;
        p.remote = sa->local;
    }
    return dp_record_receive(dp, &p, now_ms);
}

void dp_record_tick(struct dataplane *dp, uint64_t now_ms)
{
    rec(dp)->core.now_ms = now_ms;
    dp_core_tick(&rec(dp)->core);
}

static void fill_view(struct dp_record *r, const struct dp_sa *sa, struct dp_record_view *ret)
{
    struct dp_child *c = &r->scratch;

    *c = (struct dp_child){ .slot = sa->slot,
                            .spi_in = sa->spi_in,
                            .spi_out = sa->spi_out,
                            .encr = sa->suite->encr,
                            .encr_key_bits = sa->suite->key_bits,
                            .integ = sa->suite->integ,
                            .esn = sa->esn,
                            .udp_encap = sa->udp_encap,
                            .strict_in = sa->strict_in,
                            .hold_out = sa->hold_out,
                            .local = sa->local,
                            .remote = sa->remote,
                            .encr_in = sa->encr_in,
                            .encr_out = sa->encr_out,
                            .integ_in = sa->integ_in,
                            .integ_out = sa->integ_out,
                            .seq_next = sa->block.next,
                            .seq_end = sa->block.end,
                            .window_bits = sa->win.bits,
                            .n_local = sa->n_local,
                            .n_remote = sa->n_remote,
                            .soft_bytes = sa->soft_bytes,
                            .soft_packets = sa->soft_packets,
                            .hard_bytes = sa->hard_bytes,
                            .hard_packets = sa->hard_packets };
    replay_export(&sa->win, &c->window);
    for (unsigned i = 0; i < sa->n_local; i++)
        c->local_ts[i] = sa->ts[i];
    for (unsigned i = 0; i < sa->n_remote; i++)
        c->remote_ts[i] = dp_sa_remote_ts(sa)[i];
    *ret = (struct dp_record_view){ .child = c,
                                    .seq_next = sa->block.next,
                                    .seq_end = sa->block.end,
                                    .key_in = fingerprint(&sa->encr_in),
                                    .key_out = fingerprint(&sa->encr_out),
                                    .deadline_ms = r->core.deadline_ms[sa->slot] };
    dp_sa_counters(sa, &ret->counters);
}

void dp_record_each(struct dataplane *dp,
                    void (*visit)(void *ctx, const struct dp_record_view *view), void *ctx)
{
    struct dp_record *r = rec(dp);

    for (struct dp_link *l = r->core.all.next; l != &r->core.all; l = l->next) {
        struct dp_record_view v;

        fill_view(r, (struct dp_sa *)((char *)l - offsetof(struct dp_sa, all)), &v);
        visit(ctx, &v);
    }
    wipe(&r->scratch, sizeof(r->scratch));
}

enum err dp_record_find(struct dataplane *dp, uint32_t spi_in, struct dp_record_view *ret)
{
    struct dp_sa *sa = dp_core_find(&rec(dp)->core, spi_in);

    if (sa == NULL)
        return E_NOT_FOUND;
    fill_view(rec(dp), sa, ret);
    return OK;
}

enum err dp_record_find_out(struct dataplane *dp, uint32_t spi_out, struct dp_record_view *ret)
{
    struct dp_record *r = rec(dp);

    for (struct dp_link *l = r->core.all.next; l != &r->core.all; l = l->next) {
        struct dp_sa *sa = (struct dp_sa *)((char *)l - offsetof(struct dp_sa, all));

        if (sa->spi_out == spi_out) {
            fill_view(r, sa, ret);
            return OK;
        }
    }
    return E_NOT_FOUND;
}

size_t dp_record_count(const struct dataplane *dp)
{
    return ((const struct dp_record *)dp)->core.count;
}

void dp_record_crash(struct dataplane *dp)
{
    dp_core_clear(&rec(dp)->core);
}

uint64_t dp_record_calls(const struct dataplane *dp, enum dp_record_call call)
{
    return call < DPC_COUNT ? ((const struct dp_record *)dp)->calls[call] : 0;
}

void dp_record_fail_installs(struct dataplane *dp, unsigned n, enum err err)
{
    rec(dp)->fail_installs = n;
    rec(dp)->fail_err = err;
}
