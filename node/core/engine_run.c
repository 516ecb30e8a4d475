/* engine_run: from a handler's outcome to commit, reply, installs and events; and what a session
 * does by itself, one request at a time (window 1): delete, rekey, probe. */
#include <stdlib.h>
#include <string.h>

#include "node/core/engine_state.h"
#include "node/exchange/ike_auth.h"
#include "node/sa/msgid.h"
#include "statesync/base/breaks.h"

static uint32_t host_esp_spi(void *host, uint16_t slot)
{
    struct engine *e = host;
    struct eslot *s = &e->slots[slot];

    for (unsigned tries = 0; tries < 1 << 14; tries++) {
        uint32_t spi = esp_spi_make(e->cfg.pop, slot, s->next_esp++ & 0x3fff);

        if (sa_table_find_child(&e->table, spi) == NULL)
            return spi;
    }
    return 0;
}

/* A ready slot, going round so that sessions spread evenly. */
static bool any_slot(struct engine *e, uint16_t *ret)
{
    unsigned start = (unsigned)env_uniform(e->env, e->cfg.slots);

    for (unsigned i = 0; i < e->cfg.slots; i++) {
        unsigned s = (start + i) % e->cfg.slots;

        if (engine_slot_ready(e, (uint16_t)s)) {
            *ret = (uint16_t)s;
            return true;
        }
    }
    return false;
}

static uint64_t host_ike_spi(void *host, uint16_t slot)
{
    struct engine *e = host;

    if (slot == UINT16_MAX && !any_slot(e, &slot))
        return 0;
    for (unsigned tries = 0; tries < 16; tries++) {
        uint64_t random, spi;

        env_random(e->env, (uint8_t *)&random, sizeof random);
        spi = ike_spi_make(e->cfg.pop, slot, random);
        if (sa_table_find(&e->table, spi) == NULL)
            return spi;
    }
    return 0;
}

static struct ike_sa *host_find_ike(void *host, uint64_t own_spi)
{
    struct ike_sa *sa = sa_table_find(&((struct engine *)host)->table, own_spi);

    return sa != NULL && sa->commit == NULL && !sa->gone ? sa : NULL;
}

static struct incarnation host_incarnation(void *host, uint16_t slot)
{
    return ((struct engine *)host)->slots[slot].incarnation;
}

const struct exchange_ops engine_exchange_ops = { host_esp_spi, host_ike_spi, host_find_ike,
                                                  pool_take, host_incarnation };

void exchange_init(struct engine *e, struct now now, struct ike_sa *sa, struct exchange *x)
{
    static const struct payload_list none;

    memset(&x->out, 0, sizeof x->out);
    x->env = e->env;
    x->policy = e->policy;
    x->ops = &engine_exchange_ops;
    x->host = e;
    x->mono_ms = now.mono_ms;
    x->wall_ms = now.wall_ms;
    x->sa = sa;
    x->h = NULL;
    x->message = SPAN_NONE;
    x->clear = &none;
    x->inner = &none;
    x->room = e->room;
    if (sa != NULL) {
        x->local = sa->r.local;
        x->remote = sa->r.remote;
    }
}

static void add_event(struct engine *e, struct ike_sa *sa, const struct out_event *ev,
                      struct actions *out)
{
    static const enum act_event_kind kinds[] = { EV_IKE_UP, EV_IKE_DOWN, EV_CHILD_UP, EV_CHILD_DOWN,
                                                 EV_FAILED };
    struct action *a = actions_add(out, ACT_EVENT);
    char peer[ENDPOINT_TEXT_MAX];
    static const char *const names[] = { "ike-sa-up", "ike-sa-down", "child-sa-up", "child-sa-down",
                                         "session-failed" };

    a->event = kinds[ev->kind];
    a->event_spi = session_own_spi(&sa->r);
    a->event_id = sa->event_id;
    a->spi_in = ev->spi_in;
    a->err = ev->err;
    if (ev->kind == OUT_CHILD_UP || ev->kind == OUT_FAILED)
        sa->event_id = 0;
    e->stats.ike_up += ev->kind == OUT_IKE_UP;
    e->stats.ike_down += ev->kind == OUT_IKE_DOWN;
    e->stats.auth_failed += ev->kind == OUT_FAILED && ev->err == E_AUTH_FAILED;
    if (ev->kind == OUT_IKE_UP)
        admission_leave(e, sa);
    LOG(e->env, LOG_INFO, names[ev->kind], F_SPI("spi_i", sa->r.spi_i), F_SPI("spi_r", sa->r.spi_r),
        F_SPI32("spi_in", ev->spi_in), F_STR("conn", sa->r.conn),
        F_STR("peer", endpoint_text(&sa->r.remote, peer)), F_ERR("error", ev->err));
}

/* The reply's octets go into the record, so that any node can repeat them. */
static enum err keep_reply(struct engine *e, struct now now, struct exchange *x, struct ike_sa *sa)
{
    struct bytes datagrams;

    if (x->out.clear) {
        TRY(one_datagram(x->out.content, &datagrams));
    } else {
        struct ike_header h = ike_header_make(sa->r.spi_i, sa->r.spi_r, x->h->exchange,
                                              ike_sa_is_initiator(sa), true, x->h->msgid);

        TRY(seal_content(e, sa, &h, x->out.first, x->out.content, &datagrams));
    }
    bytes_free(&sa->r.reply);
    sa->r.reply = datagrams;
    sa->r.reply_msgid = x->h->msgid;
    sa->r.reply_ms = now.wall_ms;
    return OK;
}

/* Our request: message ID, octets. */
static enum err keep_request(struct engine *e, struct now now, struct exchange *x,
                             struct ike_sa *sa, uint8_t exchange)
{
    struct bytes datagrams;
    uint32_t id = 0, next = sa->r.send_next;

    if (x->out.clear) {
        TRY(one_datagram(x->out.content, &datagrams));
        next = 1;
    } else {
        struct ike_header h;

        TRY(msgid_take(&next, false, &id));
        h = ike_header_make(sa->r.spi_i, sa->r.spi_r, exchange, ike_sa_is_initiator(sa), false, id);
        TRY(seal_content(e, sa, &h, x->out.first, x->out.content, &datagrams));
    }
    bytes_free(&sa->r.request.datagrams);
    sa->r.request.datagrams = datagrams;
    sa->r.request.msgid = id;
    sa->r.request.sent_ms = now.wall_ms;
    sa->r.send_next = next;
    sa->request_tries = 0;
    sa->request_due_ms = now.mono_ms + e->policy->retransmit_ms;
    return OK;
}

static void clear_request(struct ike_sa *sa)
{
    struct rec_request *q = &sa->r.request;

    bytes_free(&q->datagrams);
    bytes_wipe_free(&q->dh_private);
    bytes_free(&q->nonce);
    bytes_free(&q->ts);
    *q = (struct rec_request){ 0 };
    sa->request_due_ms = 0;
}

static void install_all(struct engine *e, struct exchange *x, struct ike_sa *sa,
                        struct actions *out)
{
    for (unsigned i = 0; i < x->out.n_install; i++) {
        struct child_record *c = ike_sa_child(sa, x->out.install[i]);

        if (c != NULL)
            install_child(e, sa, c, c->seq_next, false, out);
    }
    for (unsigned i = 0; i < x->out.n_remove; i++)
        remove_child(e, sa, x->out.remove[i], out);
}

static enum err enter_created(struct engine *e, struct now now, struct exchange *x)
{
    struct ike_sa *sa = x->out.created;

    TRY(sa_table_add(&e->table, sa, &e->slots[sa->slot].head));
    if (sa_table_index_children(&e->table, sa) != OK)
        abort(); /* out of memory between two tables */
    sa->last_in_ms = now.mono_ms;
    if (sa->r.state == SS_HALF_OPEN)
        admission_enter(e, sa);
    return OK;
}

/* An answer that changes nothing that is stored: out at once. The record's IDs lag behind memory
 * until the next commit (DESIGN, "What implies no state needs no commit"). */
static void answer_stateless(struct engine *e, struct now now, struct exchange *x,
                             struct actions *out)
{
    if (x->sa == NULL || x->out.clear) {
        struct span copy = actions_copy(out, x->out.content);
        struct action *a = actions_add(out, ACT_SEND);

        a->local = x->local;
        a->remote = x->remote;
        a->encap = x->local.port == 4500;
        a->data = copy;
        return;
    }
    if (keep_reply(e, now, x, x->sa) != OK)
        return;
    x->sa->r.recv_next = msgid_advance(x->sa->r.recv_next, x->h->msgid);
    send_datagrams(e, x->sa, span_bytes(x->sa->r.reply), out);
}

static void follow_response(struct engine *e, struct now now, struct exchange *x)
{
    uint8_t kind = x->sa->r.request.kind;

    (void)e;
    (void)now;
    if (kind != RQ_INIT || x->sa->r.state != SS_INIT_SENT || payload_first(x->clear, PL_SA) == NULL)
        return;
    /* The answer was accepted: IKE_AUTH goes out with the same commit. */
    clear_request(x->sa);
    if (ike_auth_begin(x) != OK) {
        ike_sa_set_state(x->sa, SS_DELETED, x->env);
        x->out.remove_record = true;
        exchange_event(x, OUT_FAILED, 0, E_CONFIG);
    }
}

/* What a handler left behind becomes a commit. */
void run_outcome(struct engine *e, struct now now, struct exchange *x, struct actions *out)
{
    struct outcome *o = &x->out;
    struct ike_sa *sa = x->sa != NULL ? x->sa : o->created;
    bool request = x->h == NULL || ike_is_response(x->h); /* what is built is a request of ours */
    bool has_built = false;
    struct commit *c;

    if (x->h != NULL && ike_is_response(x->h) && o->request_done && x->sa != NULL) {
        follow_response(e, now, x);
        if (x->sa->r.request.kind == 0 || x->sa->r.state != SS_AUTH_SENT ||
            x->sa->r.request.kind != RQ_AUTH)
            clear_request(x->sa);
        else
            has_built = true;
    }
    if (!o->commit) {
        if (o->answer && !request)
            answer_stateless(e, now, x, out);
        for (unsigned i = 0; i < o->n_events && sa != NULL; i++)
            add_event(e, sa, &o->events[i], out);
        return;
    }
    if (o->created != NULL && enter_created(e, now, x) != OK) {
        ike_sa_free(o->created);
        return;
    }
    if (x->sa != NULL && x->h != NULL && !ike_is_response(x->h))
        x->sa->r.recv_next = msgid_advance(x->sa->r.recv_next, x->h->msgid);
    if (o->answer && !request && keep_reply(e, now, x, sa) != OK)
        abort(); /* it was built to fit */
    if (request && o->answer &&
        keep_request(e, now, x, sa,
                     o->clear                                ? EX_IKE_SA_INIT
                     : has_built                             ? EX_IKE_AUTH
                     : sa->r.request.kind >= RQ_DELETE_CHILD ? EX_INFORMATIONAL
                                                             : EX_CREATE_CHILD_SA) != OK)
        abort();
    c = commit_new(e, sa, o->created != sa ? o->created : NULL, o->also);
    for (unsigned i = 0; i < o->n_events; i++)
        add_event(e, sa, &o->events[i], &c->after);
    install_all(e, x, o->created != NULL && o->created->r.n_children > 0 ? o->created : sa,
                &c->after);
    if (o->answer)
        send_datagrams(e, sa, span_bytes(request ? sa->r.request.datagrams : sa->r.reply),
                       &c->after);
    if (sa_table_index_children(&e->table, sa) != OK ||
        (o->also != NULL && sa_table_index_children(&e->table, o->also) != OK) ||
        (o->created != NULL && sa_table_index_children(&e->table, o->created) != OK))
        abort();
    if (o->remove_record) {
        c->remove[0] = true;
        sa->gone = true;
        c->id[0] = session_own_spi(&sa->r);
        c->expect[0] = sa->r.version;
        if (c->expect[0] == 0) { /* never stored: nothing to remove */
            actions_splice(out, &c->after);
            session_drop(e, sa, out);
            c->ticket = UINT64_MAX;
            c->withdrawn = true;
            return;
        }
    }
    commit_submit(e, now, c, out);
    reschedule(e, now, sa);
    if (o->created != NULL && o->created != sa)
        reschedule(e, now, o->created);
    if (o->also != NULL)
        reschedule(e, now, o->also);
}

void retransmit(struct engine *e, struct now now, struct ike_sa *sa, struct actions *out)
{
    uint64_t wait = e->policy->retransmit_ms;

    for (unsigned i = 0; i < sa->request_tries + 1u; i++)
        wait = wait * 18 / 10;
    sa->request_tries++;
    sa->request_due_ms = now.mono_ms + wait;
    e->stats.retransmits_sent++;
    send_datagrams(e, sa, span_bytes(sa->r.request.datagrams), out);
}

static enum err begin_child_task(struct exchange *x, struct child_run *run, struct child_record *c)
{
    if (run->want_delete) {
        run->want_delete = false;
        return delete_child_begin(x, c->spi_in);
    }
    run->want_rekey = false;
    return rekey_child_begin(x, c->spi_in);
}

static enum err begin_task(struct engine *e, struct now now, struct ike_sa *sa, struct exchange *x)
{
    if (sa->want_delete && (sa->r.state == SS_ESTABLISHED || sa->r.state == SS_REKEYED)) {
        sa->want_delete = false;
        return delete_ike_begin(x);
    }
    if (sa->r.state != SS_ESTABLISHED)
        return E_NOT_ALLOWED;
    for (unsigned i = 0; i < sa->n_runs; i++) {
        struct child_run *run = &sa->runs[i];
        struct child_record *c = ike_sa_child(sa, run->spi_in);

        if (c == NULL || c->state == CS_DELETING)
            continue;
        if (run->want_delete)
            return begin_child_task(x, run, c);
        if (run->want_rekey && c->state == CS_INSTALLED && now.mono_ms >= run->rekey_after_ms &&
            !e->away) {
            if (sa->taken_over && now.mono_ms < e->pace_ms)
                continue; /* many sessions were taken over: one after the other */
            e->pace_ms = now.mono_ms + 1000 / (e->policy->rekey_pace_per_s + 1);
            return begin_child_task(x, run, c);
        }
    }
    if (sa->want_rekey && now.mono_ms >= sa->rekey_after_ms && !e->away) {
        sa->want_rekey = false;
        return rekey_ike_begin(x);
    }
    if (sa->want_dpd) {
        sa->want_dpd = false;
        return dpd_begin(x);
    }
    return E_NOT_ALLOWED;
}

void run_next_task(struct engine *e, struct now now, struct ike_sa *sa, struct actions *out)
{
    struct exchange x;

    if (sa->commit != NULL || sa->r.request.kind != RQ_NONE || sa->releasing || sa->gone ||
        slot_of(e, sa)->suspended || !slot_of(e, sa)->ready)
        return;
    exchange_init(e, now, sa, &x);
    if (begin_task(e, now, sa, &x) == OK) {
        e->stats.rekeys_ike += sa->r.request.kind == RQ_REKEY_IKE; /* those begun here */
        e->stats.rekeys_child += sa->r.request.kind == RQ_REKEY_CHILD;
        e->stats.dpd_sent += sa->r.request.kind == RQ_DPD;
        x.out.commit = true;
        run_outcome(e, now, &x, out);
    }
}
