/* engine_timers: everything a session does because time passes. All its timers:
 *
 *   half-open       IKE_SA_INIT answered and no IKE_AUTH within half_open_ms: the record goes
 *   attempt         our own IKE_SA_INIT or IKE_AUTH got no answer: the attempt fails
 *   retransmission  our request in flight, x1.8 each time; after the last one the peer is dead
 *   probe           nothing authentic heard for dpd_s: an empty INFORMATIONAL
 *   rekey, expiry   of the IKE SA and of each Child SA, by wall clock (they cross nodes)
 *   reply           the kept reply is forgotten after reply_keep_ms
 *   checkpoint      windows and counters that moved are stored at most once a second
 *   tombstone       a deleted session's record goes when its keys could no longer be in use
 *   replaced        an IKE SA that was rekeyed is deleted by us when nobody else does
 *   keepalive       one octet to the peer when a NAT is in front of us
 */
#include "node/core/engine_state.h"

enum { CHECKPOINT_MS = 1000, TOMBSTONE_MIN_MS = 120000, REPLACED_MS = 60000 };

static uint64_t from_wall(struct now now, uint64_t wall_ms)
{
    return wall_ms <= now.wall_ms ? now.mono_ms : now.mono_ms + (wall_ms - now.wall_ms);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static const struct policy_conn *conn_of(const struct engine *e, const struct ike_sa *sa)
{
    struct exchange x = { .policy = e->policy };

    return exchange_conn(&x, sa);
}

static uint64_t dpd_due(const struct engine *e, const struct ike_sa *sa)
{
    const struct policy_conn *c = conn_of(e, sa);

    if (c == NULL || c->dpd_s == 0 || sa->r.request.kind != RQ_NONE)
        return UINT64_MAX;
    return sa->last_in_ms + (uint64_t)c->dpd_s * 1000;
}

static uint64_t tombstone_end(const struct ike_sa *sa)
{
    uint64_t min = sa->r.reply_ms + TOMBSTONE_MIN_MS;

    return sa->r.expire_at_ms > min ? sa->r.expire_at_ms : min;
}

static uint64_t children_due(struct now now, struct ike_sa *sa)
{
    uint64_t t = UINT64_MAX;

    for (unsigned i = 0; i < sa->r.n_children; i++) {
        const struct child_record *c = &sa->r.children[i];
        struct child_run *run = ike_sa_run(sa, c->spi_in);
        uint64_t after = run == NULL ? 0 : run->rekey_after_ms;

        if (c->expire_at_ms > 0 && c->state != CS_DELETING && (run == NULL || !run->want_delete))
            t = earlier(t, from_wall(now, c->expire_at_ms));
        if (c->state != CS_INSTALLED || run == NULL)
            continue;
        if (run->want_rekey && sa->r.request.kind == RQ_NONE)
            t = earlier(t, after > now.mono_ms ? after : now.mono_ms + 50);
        else if (c->rekey_at_ms > 0 && !run->want_rekey) {
            uint64_t at = from_wall(now, c->rekey_at_ms);

            t = earlier(t, at > after ? at : after);
        }
    }
    return t;
}

void reschedule(struct engine *e, struct now now, struct ike_sa *sa)
{
    const struct session_record *r = &sa->r;
    uint64_t t = UINT64_MAX;

    if (sa->commit != NULL || sa->releasing) {
        sa_table_schedule(&e->table, sa, now.mono_ms + 1000);
        return;
    }
    if (r->state == SS_HALF_OPEN || r->state == SS_AUTHENTICATING)
        t = from_wall(now, r->created_ms + e->policy->half_open_ms);
    if (r->state == SS_DELETED)
        t = from_wall(now, tombstone_end(sa));
    if (sa->request_due_ms > 0)
        t = earlier(t, sa->request_due_ms);
    if (r->reply.len > 0 && r->state != SS_HALF_OPEN)
        t = earlier(t, from_wall(now, r->reply_ms + e->policy->reply_keep_ms));
    if (sa->window_dirty)
        t = earlier(t, sa->window_due_ms);
    if (sa->dirty)
        t = now.mono_ms;
    if (r->state == SS_REKEYED && r->request.kind == RQ_NONE)
        t = earlier(t, now.mono_ms + 1000);
    if (r->state == SS_ESTABLISHED) {
        t = earlier(t, dpd_due(e, sa));
        if (sa->want_rekey)
            t = earlier(t,
                        sa->rekey_after_ms > now.mono_ms ? sa->rekey_after_ms : now.mono_ms + 50);
        else if (r->rekey_at_ms > 0)
            t = earlier(t, from_wall(now, r->rekey_at_ms));
    }
    if (ike_sa_usable(sa)) {
        if (r->expire_at_ms > 0)
            t = earlier(t, from_wall(now, r->expire_at_ms));
        t = earlier(t, children_due(now, sa));
    }
    if (r->nat_local && e->policy->keepalive_s > 0 && ike_sa_usable(sa))
        t = earlier(t, sa->last_out_ms + (uint64_t)e->policy->keepalive_s * 1000);
    sa_table_schedule(&e->table, sa, t != UINT64_MAX && t <= now.mono_ms ? now.mono_ms + 1 : t);
}

/* Who rekeyed deletes the old IKE SA; a node that took over does not remember that it has to, and a
 * peer may forget. The successor tells: its initiator made the exchange. */
static bool replaced_is_ours_to_delete(const struct engine *e, struct now now,
                                       const struct ike_sa *sa)
{
    const struct ike_sa *by = sa_table_find(&e->table, sa->r.replaced_by);

    return by == NULL || ike_sa_is_initiator(by) || now.wall_ms >= by->r.created_ms + REPLACED_MS;
}

/* The session ends here without the peer's help: it did not answer, or its time is over. */
static void end_session(struct engine *e, struct now now, struct ike_sa *sa, enum err cause,
                        struct actions *out)
{
    struct exchange x;
    bool was_up = ike_sa_usable(sa);

    exchange_init(e, now, sa, &x);
    for (unsigned i = 0; i < sa->r.n_children && x.out.n_remove < OUT_CHILDREN; i++)
        x.out.remove[x.out.n_remove++] = sa->r.children[i].spi_in;
    for (unsigned i = 0; i < x.out.n_remove; i++)
        session_record_remove_child(&sa->r, x.out.remove[i]);
    sa->request_due_ms = 0;
    sa->r.request.kind = RQ_NONE;
    bytes_free(&sa->r.request.datagrams);
    admission_leave(e, sa);
    ike_sa_set_state(sa, SS_DELETED, e->env);
    if (was_up) {
        sa->r.reply_ms = now.wall_ms;
        exchange_event(&x, OUT_IKE_DOWN, 0, cause);
    } else {
        x.out.remove_record = true;
        if (sa->r.role == ROLE_INITIATOR)
            exchange_event(&x, OUT_FAILED, 0, cause);
    }
    x.out.commit = true;
    run_outcome(e, now, &x, out);
}

static void check_children(struct engine *e, struct now now, struct ike_sa *sa)
{
    for (unsigned i = 0; i < sa->r.n_children; i++) {
        struct child_record *c = &sa->r.children[i];
        struct child_run *run = ike_sa_run(sa, c->spi_in);

        if (run == NULL)
            continue;
        if (c->expire_at_ms > 0 && now.wall_ms >= c->expire_at_ms && c->state != CS_DELETING)
            run->want_delete = true;
        else if (c->state == CS_INSTALLED && c->rekey_at_ms > 0 && now.wall_ms >= c->rekey_at_ms &&
                 now.mono_ms >= run->rekey_after_ms)
            run->want_rekey = true;
    }
    (void)e;
}

static void keepalive(struct engine *e, struct now now, struct ike_sa *sa, struct actions *out)
{
    static const uint8_t octet = 0xff;
    struct action *a;

    if (!sa->r.nat_local || e->policy->keepalive_s == 0 ||
        now.mono_ms < sa->last_out_ms + (uint64_t)e->policy->keepalive_s * 1000)
        return;
    sa->last_out_ms = now.mono_ms;
    a = actions_add(out, ACT_SEND);
    a->local = sa->r.local;
    a->remote = sa->r.remote;
    a->data = span_of(&octet, 1);
}

static bool request_timer(struct engine *e, struct now now, struct ike_sa *sa, struct actions *out)
{
    if (sa->request_due_ms == 0 || now.mono_ms < sa->request_due_ms)
        return false;
    if (sa->request_tries >= e->policy->retransmit_tries) {
        LOG(e->env, LOG_WARN, "peer-silent", F_SPI("spi_i", sa->r.spi_i),
            F_SPI("spi_r", sa->r.spi_r), F_U64("tries", sa->request_tries));
        end_session(e, now, sa, E_TEMPORARY, out);
        return true;
    }
    retransmit(e, now, sa, out);
    return false;
}

static void session_timers(struct engine *e, struct now now, struct ike_sa *sa, struct actions *out)
{
    struct session_record *r = &sa->r;

    if (sa->commit != NULL || sa->releasing || slot_of(e, sa)->suspended ||
        !slot_of(e, sa)->ready) {
        sa_table_schedule(&e->table, sa, now.mono_ms + 1000);
        return;
    }
    if ((r->state == SS_HALF_OPEN || r->state == SS_AUTHENTICATING) &&
        now.wall_ms >= r->created_ms + e->policy->half_open_ms) {
        end_session(e, now, sa, E_TEMPORARY, out);
        return;
    }
    if (r->state == SS_DELETED && now.wall_ms >= tombstone_end(sa)) {
        struct exchange x;

        exchange_init(e, now, sa, &x);
        x.out.commit = x.out.remove_record = true;
        run_outcome(e, now, &x, out);
        return;
    }
    if (ike_sa_usable(sa) && r->expire_at_ms > 0 && now.wall_ms >= r->expire_at_ms) {
        end_session(e, now, sa, E_TEMPORARY, out);
        return;
    }
    if (request_timer(e, now, sa, out))
        return;
    if (r->state != SS_HALF_OPEN && r->reply.len > 0 &&
        now.wall_ms >= r->reply_ms + e->policy->reply_keep_ms)
        bytes_free(&r->reply); /* stays in the record until the next commit */
    if (r->state == SS_REKEYED && r->request.kind == RQ_NONE &&
        replaced_is_ours_to_delete(e, now, sa))
        sa->want_delete = true;
    if (r->state == SS_ESTABLISHED) {
        check_children(e, now, sa);
        if (r->rekey_at_ms > 0 && now.wall_ms >= r->rekey_at_ms &&
            now.mono_ms >= sa->rekey_after_ms) {
            sa->want_rekey = true;
            r->rekey_at_ms = 0;
        }
        if (now.mono_ms >= dpd_due(e, sa))
            sa->want_dpd = true;
    }
    keepalive(e, now, sa, out);
    run_next_task(e, now, sa, out);
    if (sa->commit == NULL &&
        (sa->dirty || (sa->window_dirty && now.mono_ms >= sa->window_due_ms))) {
        sa->window_due_ms = now.mono_ms + CHECKPOINT_MS;
        commit_dirty(e, now, sa, out);
    }
    reschedule(e, now, sa);
}

uint64_t engine_next_deadline(const struct engine *e)
{
    struct ike_sa *sa = sa_table_first_due(&e->table);

    return earlier(sa == NULL ? UINT64_MAX : sa->due_ms, e->retry_ms);
}

void engine_tick(struct engine *e, struct now now, struct actions *out)
{
    struct ike_sa *sa;

    commits_tick(e, now, out);
    for (unsigned i = 0; i < 100000; i++) {
        sa = sa_table_first_due(&e->table);
        if (sa == NULL || sa->due_ms > now.mono_ms)
            break;
        sa_table_schedule(&e->table, sa, now.mono_ms + 1000); /* whatever happens, progress */
        session_timers(e, now, sa, out);
    }
}
