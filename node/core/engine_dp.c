/* engine_dp: Child SAs at the data plane: install, extend, what it reports. INV-SEQ rests on two
 * rules here: nothing is installed but what a commit has stored as reserved, and ACT_DP_EXTEND
 * follows the commit that stored the new end. */
#include <stdlib.h>
#include <string.h>

#include "node/core/engine_state.h"
#include "statesync/base/breaks.h"

static void copy_ts(const struct rec_ts *from, uint8_t n, struct dp_selector *to)
{
    for (unsigned i = 0; i < n; i++)
        to[i] = (struct dp_selector){ from[i].protocol, from[i].port_first, from[i].port_last,
                                      from[i].first, from[i].last };
}

static uint16_t window_bits(const struct engine *e, const struct ike_sa *sa,
                            const struct child_record *c)
{
    struct exchange x = { .policy = e->policy };
    const struct policy_child *p = exchange_child_policy(exchange_conn(&x, sa), c->name);

    return p == NULL || p->replay_window < 32 ? 64 : p->replay_window;
}

static uint64_t left(uint64_t limit, uint64_t used)
{
    return limit == 0 ? 0 : limit > used ? limit - used : 1;
}

void install_child(struct engine *e, struct ike_sa *sa, struct child_record *c, uint64_t start,
                   bool hold_out, struct actions *out)
{
    struct dp_child *d = (struct dp_child *)(void *)actions_room(out, sizeof *d);
    struct child_run *run = ike_sa_run(sa, c->spi_in);
    struct action *a = actions_add(out, ACT_DP_INSTALL);

    if (run == NULL)
        abort();
    *d = (struct dp_child){ .slot = sa->slot,
                            .spi_in = c->spi_in,
                            .spi_out = c->spi_out,
                            .encr = c->suite.encr,
                            .encr_key_bits = c->suite.encr_key_bits,
                            .integ = c->suite.integ,
                            .esn = c->esn,
                            .udp_encap = sa->r.udp_encap,
                            .strict_in = c->strict_in,
                            .hold_out = hold_out,
                            .local = sa->r.local,
                            .remote = sa->r.remote,
                            .encr_in = c->encr_in,
                            .encr_out = c->encr_out,
                            .integ_in = c->integ_in,
                            .integ_out = c->integ_out,
                            .seq_next = start,
                            .seq_end = c->reserved_end,
                            .window_bits = window_bits(e, sa, c),
                            .n_local = c->n_local,
                            .n_remote = c->n_remote };
    d->window.top = c->window.top;
    d->window.bitmap_valid = c->window.bitmap_valid;
    memcpy(d->window.bitmap, c->window.bitmap, sizeof d->window.bitmap);
    copy_ts(c->local_ts, c->n_local, d->local_ts);
    copy_ts(c->remote_ts, c->n_remote, d->remote_ts);
    d->soft_bytes = left(c->rekey_bytes, c->bytes);
    d->soft_packets = left(c->rekey_packets, c->packets);
    d->hard_bytes = left(c->max_bytes, c->bytes);
    d->hard_packets = left(c->max_packets, c->packets);
    run->installed = true;
    run->base_bytes = c->bytes;
    run->base_packets = c->packets;
    a->child = d;
    a->spi_in = c->spi_in;
    e->stats.children++;
}

void remove_child(struct engine *e, struct ike_sa *sa, uint32_t spi_in, struct actions *out)
{
    actions_add(out, ACT_DP_REMOVE)->spi_in = spi_in;
    sa_table_unindex_child(&e->table, sa, spi_in);
}

static void take_counters(struct now now, struct ike_sa *sa, struct child_record *c,
                          const struct dp_event *ev)
{
    const struct dp_counters *k = &ev->counters;
    struct child_run *run = ike_sa_run(sa, c->spi_in);

    c->window.top = k->window.top;
    c->window.bitmap_valid = k->window.bitmap_valid;
    memcpy(c->window.bitmap, k->window.bitmap, sizeof c->window.bitmap);
    c->window.wall_ms = now.wall_ms;
    if (k->packets_out > 0) /* else seq_used is where this install began, not what was used */
        seq_note_used(c, k->seq_used);
    if (run != NULL) {
        c->bytes = run->base_bytes + k->bytes_in + k->bytes_out;
        c->packets = run->base_packets + k->packets_in + k->packets_out;
        seq_rate_sample(&run->rate, k->seq_used, now.mono_ms);
    }
    if (k->last_in_ms > sa->last_in_ms)
        sa->last_in_ms = k->last_in_ms;
}

/* Half of the block is used: store the next one first, then use it. */
static void extend_block(struct engine *e, struct now now, struct ike_sa *sa,
                         struct child_record *c, uint64_t used, struct actions *out)
{
    struct child_run *run = ike_sa_run(sa, c->spi_in);
    struct eslot *s = slot_of(e, sa);
    struct incarnation inc = s->incarnation;
    struct seq_plan p;
    struct commit *k;
    struct action *a;

    if (run == NULL)
        return;
    if (sa->commit != NULL || s->suspended) {
        run->want_reserve = true;
        return;
    }
    run->want_reserve = false;
    if (BREAK(e->env, IGNORE_INCARNATION))
        c->reserved_in = inc;
    p = seq_extend(e->env, c, used, run->rate.peak_pps, e->policy->outage_s, &inc, true);
    if (p.rekey || p.what == SEQ_REKEY || p.what == SEQ_DELETE)
        run->want_rekey = true;
    if (p.what != SEQ_EXTEND) {
        run_next_task(e, now, sa, out);
        return;
    }
    seq_apply(c, &p, &inc);
    e->stats.reservations++;
    k = commit_new(e, sa, NULL, NULL);
    a = actions_add(BREAK(e->env, USE_BEFORE_RESERVE) ? out : &k->after, ACT_DP_EXTEND);
    a->spi_in = c->spi_in;
    a->seq_end = c->reserved_end;
    commit_submit(e, now, k, out);
}

static void removed(struct engine *e, struct now now, const struct dp_event *ev, struct ike_sa *sa,
                    struct actions *out)
{
    struct child_record *c = ike_sa_child(sa, ev->spi_in);
    struct child_run *run;

    if (c == NULL) {
        ike_sa_forget_run(sa, ev->spi_in);
        return;
    }
    run = ike_sa_run(sa, ev->spi_in);
    if (run != NULL)
        run->installed = run->removing = false;
    if (ev->err == OK && sa->releasing) {
        /* Planned handover: no further number can be given out, so these are exact. */
        take_counters(now, sa, c, ev);
        c->seq_next = ev->counters.seq_used + 1;
        c->exact = true;
    }
    if (sa->releasing)
        release_step(e, now, sa->slot, out);
}

void extend_waiting(struct engine *e, struct now now, struct ike_sa *sa, struct actions *out)
{
    for (unsigned i = 0; i < sa->n_runs && sa->commit == NULL; i++) {
        struct child_record *c = ike_sa_child(sa, sa->runs[i].spi_in);

        if (sa->runs[i].want_reserve && c != NULL)
            extend_block(e, now, sa, c, c->seq_next - 1, out);
    }
}

static void peer_moved(struct engine *e, struct now now, const struct dp_event *ev,
                       struct ike_sa *sa, struct actions *out)
{
    if (!sa->r.nat_remote || endpoint_eq(&sa->r.remote, &ev->remote))
        return; /* RFC 7296 2.23: only behind a NAT may a peer's address change by itself */
    sa->r.remote = ev->remote;
    for (unsigned i = 0; i < sa->r.n_children; i++) {
        struct action *a = actions_add(out, ACT_DP_MOVE);

        a->spi_in = sa->r.children[i].spi_in;
        a->local = sa->r.local;
        a->remote = sa->r.remote;
        a->encap = sa->r.udp_encap;
    }
    commit_dirty(e, now, sa, out);
}

void engine_dp_event(struct engine *e, struct now now, const struct dp_event *ev,
                     struct actions *out)
{
    struct ike_sa *sa = sa_table_find_child(&e->table, ev->spi_in);
    struct child_record *c = sa == NULL ? NULL : ike_sa_child(sa, ev->spi_in);
    struct child_run *run = c == NULL ? NULL : ike_sa_run(sa, ev->spi_in);

    if (sa == NULL)
        return;
    if (ev->kind == DPE_REMOVED) {
        removed(e, now, ev, sa, out);
        return;
    }
    if (c == NULL || run == NULL)
        return;
    switch (ev->kind) {
    case DPE_INSTALLED:
        run->installed = ev->err == OK;
        if (ev->err != OK) {
            LOG(e->env, LOG_ERROR, "child-install-failed", F_SPI32("spi_in", ev->spi_in),
                F_ERR("error", ev->err));
            run->want_delete = true;
            run_next_task(e, now, sa, out);
        }
        break;
    case DPE_COUNTERS:
        take_counters(now, sa, c, ev);
        sa->window_dirty = true;
        break;
    case DPE_RESERVE:
        take_counters(now, sa, c, ev);
        extend_block(e, now, sa, c, ev->counters.seq_used, out);
        break;
    case DPE_SOFT_LIFETIME:
        take_counters(now, sa, c, ev);
        run->want_rekey = c->state == CS_INSTALLED;
        run_next_task(e, now, sa, out);
        break;
    case DPE_HARD_LIFETIME:
        LOG(e->env, LOG_WARN, "child-hard-lifetime", F_SPI32("spi_in", ev->spi_in));
        run->want_delete = true;
        run_next_task(e, now, sa, out);
        break;
    case DPE_PEER_MOVED:
        peer_moved(e, now, ev, sa, out);
        break;
    case DPE_REMOVED:
    case DPE_UNKNOWN_SPI:
    case DPE_NO_SA_OUT:
        break;
    }
    reschedule(e, now, sa);
}

bool engine_expects_spi(const struct engine *e, uint32_t spi_in)
{
    return sa_table_find_child(&e->table, spi_in) != NULL;
}
