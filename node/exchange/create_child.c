/* create_child: CREATE_CHILD_SA for a new Child SA, both roles, and the answers to our Child
 * rekeys.
 *
 * While we replace or delete the IKE SA itself, the peer is asked to come back later (RFC 7296
 * 2.25.2). Two rekeys of one Child SA at once are settled here, by the answer to ours (2.8.1): each
 * of the two exchanges has replaced the old SA, so it only receives from the first of them on; of
 * the two new SAs the one from the exchange with the lowest of the four nonces goes. Its maker
 * deletes it, the other side deletes the old one. */
#include "node/exchange/create_child.h"

#include <string.h>

#include "node/exchange/collision.h"
#include "node/exchange/request_ts.h"
#include "node/sa/keymat.h"
#include "node/sa/ts_narrow.h"

enum { NONCE_LEN = 32, BACK_OFF_MS = 5000, GIVE_UP_MS = 60000 };

bool ike_busy(const struct ike_sa *sa)
{
    return sa->r.request.kind == RQ_REKEY_IKE || sa->r.request.kind == RQ_DELETE_IKE ||
           sa->r.state != SS_ESTABLISHED;
}

struct sides {
    struct ts local[LIMIT_SELECTORS], remote[LIMIT_SELECTORS];
    size_t n_local, n_remote;
};

static void from_record(const struct rec_ts *t, size_t n, struct ts *ret, size_t *ret_n)
{
    for (size_t i = 0; i < n && i < LIMIT_SELECTORS; i++)
        ret[i] =
            (struct ts){ t[i].protocol, t[i].port_first, t[i].port_last, t[i].first, t[i].last };
    *ret_n = n;
}

static void one_side(const struct ts *configured, size_t n, bool dynamic,
                     const struct ip_addr *vips, size_t n_vips, const struct ip_addr *fallback,
                     struct ts *ret, size_t *ret_n)
{
    if (dynamic) {
        ts_dynamic(vips, n_vips, n_vips > 0 ? NULL : fallback, ret, ret_n);
        return;
    }
    for (*ret_n = 0; *ret_n < n; ++*ret_n)
        ret[*ret_n] = configured[*ret_n];
}

/* Selectors as this side has them: those of the SA being replaced, or the policy's. Inner addresses
 * stand on the initiator's side of the IKE SA. */
static void own_sides(const struct exchange *x, const struct policy_child *pc,
                      const struct child_record *old, struct sides *ret)
{
    const struct session_record *r = &x->sa->r;
    bool gave =
        r->n_vips > 0 && exchange_conn(x, x->sa) != NULL && exchange_conn(x, x->sa)->n_pools > 0;

    if (old != NULL) {
        from_record(old->local_ts, old->n_local, ret->local, &ret->n_local);
        from_record(old->remote_ts, old->n_remote, ret->remote, &ret->n_remote);
        return;
    }
    one_side(pc->local_ts, pc->n_local, pc->local_dynamic, r->vips, gave ? 0 : r->n_vips,
             &r->local.addr, ret->local, &ret->n_local);
    one_side(pc->remote_ts, pc->n_remote, pc->remote_dynamic, r->vips, gave ? r->n_vips : 0,
             &r->remote.addr, ret->remote, &ret->n_remote);
}

/* ---- responder ---- */

struct answer {
    struct esp_choice choice;
    struct sides sides;
    struct span ni;
    struct dh *dh;
    struct dh_shared shared;
    bool have_shared;
    uint8_t nr[NONCE_LEN];
};

static enum err agree(struct exchange *x, const struct policy_child *pc,
                      const struct child_record *old, struct answer *a, uint16_t *ret_group)
{
    const struct payload *ke_pl = payload_first(x->inner, PL_KE);
    struct sides ours;
    struct pl_sa sa;
    struct pl_ts tsi, tsr;
    struct pl_ke ke = { 0 };
    bool narrowed;

    TRY(pl_sa_parse(rd_of(payload_first(x->inner, PL_SA)->body), &sa));
    TRY(pl_nonce_parse(rd_of(payload_first(x->inner, PL_NONCE)->body), &a->ni));
    TRY(pl_ts_parse(rd_of(payload_first(x->inner, PL_TSI)->body), &tsi));
    TRY(pl_ts_parse(rd_of(payload_first(x->inner, PL_TSR)->body), &tsr));
    if (ke_pl != NULL)
        TRY(pl_ke_parse(rd_of(ke_pl->body), &ke));
    TRY(proposal_choose_esp(&sa, pc->suites, pc->n_suites, true, &a->choice));
    *ret_group = a->choice.suite.dh;
    TRY(proposal_check_ke(a->choice.suite.dh, ke_pl != NULL, ke.group));
    own_sides(x, pc, old, &ours);
    TRY(ts_narrow(ours.local, ours.n_local, tsr.ts, tsr.n, a->sides.local, &a->sides.n_local,
                  &narrowed));
    TRY(ts_narrow(ours.remote, ours.n_remote, tsi.ts, tsi.n, a->sides.remote, &a->sides.n_remote,
                  &narrowed));
    if (a->choice.suite.dh == 0)
        return OK;
    TRY(dh_new(x->env, a->choice.suite.dh, &a->dh));
    TRY(dh_compute(a->dh, ke.data, &a->shared));
    a->have_shared = true;
    return OK;
}

static enum err refuse_child(struct exchange *x, enum err e, uint16_t group)
{
    uint8_t g[2] = { (uint8_t)(group >> 8), (uint8_t)group };

    switch (e) {
    case E_NO_PROPOSAL:
        return exchange_refuse(x, N_NO_PROPOSAL_CHOSEN, SPAN_NONE);
    case E_INVALID_KE:
        return exchange_refuse(x, N_INVALID_KE_PAYLOAD, span_of(g, 2));
    case E_TS_UNACCEPTABLE:
        return exchange_refuse(x, N_TS_UNACCEPTABLE, SPAN_NONE);
    default:
        return e;
    }
}

static enum err make_answer(struct exchange *x, const struct policy_child *pc, struct answer *a,
                            uint32_t *ret_made)
{
    uint8_t spi_buf[ESP_SPI_LEN];
    struct pl_sa sa;
    struct msg *m = exchange_build(x);
    struct child_make cm = { .policy = pc,
                             .suite = a->choice.suite,
                             .spi_in = x->ops->new_esp_spi(x->host, x->sa->slot),
                             .spi_out = a->choice.spi,
                             .shared = a->have_shared ? &a->shared : NULL,
                             .ni = a->ni,
                             .nr = span_of(a->nr, NONCE_LEN),
                             .local = a->sides.local,
                             .remote = a->sides.remote,
                             .n_local = a->sides.n_local,
                             .n_remote = a->sides.n_remote };

    if (cm.spi_in == 0)
        return exchange_refuse(x, N_NO_ADDITIONAL_SAS, SPAN_NONE);
    proposal_answer_esp(&a->choice, cm.spi_in, spi_buf, &sa);
    msg_add_sa(m, &sa);
    msg_add_nonce(m, cm.nr);
    if (a->dh != NULL)
        msg_add_ke(m, a->choice.suite.dh, dh_public(a->dh));
    msg_add_ts(m, PL_TSI, a->sides.remote, a->sides.n_remote);
    msg_add_ts(m, PL_TSR, a->sides.local, a->sides.n_local);
    TRY(exchange_finish(x));
    if (child_make(x, x->sa, &cm) != OK)
        return exchange_refuse(x, N_NO_ADDITIONAL_SAS, SPAN_NONE);
    x->out.install[x->out.n_install++] = cm.spi_in;
    x->out.commit = true;
    *ret_made = cm.spi_in;
    return OK;
}

enum err child_answer(struct exchange *x, const struct policy_child *pc,
                      const struct child_record *old, struct child_made *ret_made)
{
    struct answer a = { .have_shared = false };
    bool rekey = old != NULL;
    uint32_t made = 0;
    uint16_t group = 0;
    enum err e = agree(x, pc, old, &a, &group);

    env_random(x->env, a.nr, sizeof a.nr);
    e = e == OK ? make_answer(x, pc, &a, &made) : refuse_child(x, e, group);
    ret_made->spi_in = made;
    if (made != 0) {
        struct span low = nonce_lower(a.ni, span_of(a.nr, sizeof a.nr));

        memcpy(ret_made->lowest, low.p, low.len);
        ret_made->n_lowest = low.len;
        if (!rekey)
            exchange_event(x, OUT_CHILD_UP, made, OK);
    }
    dh_free(a.dh);
    dh_shared_wipe(&a.shared);
    return e;
}

enum err create_child_request(struct exchange *x)
{
    const struct policy_conn *c = exchange_conn(x, x->sa);
    struct child_made made;

    TRY(pl_notify_check(x->inner));
    if (ike_busy(x->sa))
        return exchange_refuse(x, N_TEMPORARY_FAILURE, SPAN_NONE);
    if (c == NULL || c->n_children == 0)
        return exchange_refuse(x, N_NO_ADDITIONAL_SAS, SPAN_NONE);
    for (unsigned i = 0; i < c->n_children; i++) {
        TRY(child_answer(x, &c->children[i], NULL, &made));
        if (made.spi_in != 0)
            return OK;
    }
    return OK; /* the refusal of the last */
}

/* ---- requester ---- */

enum err child_offer(struct exchange *x, const struct policy_child *pc,
                     const struct child_record *old, uint16_t group)
{
    struct rec_request q = { .new_spi_in = x->ops->new_esp_spi(x->host, x->sa->slot) };
    uint8_t nonce[NONCE_LEN], spi_buf[ESP_SPI_LEN];
    struct dh *dh = NULL;
    struct sides s;
    struct pl_sa sa;
    enum err e = q.new_spi_in == 0 ? E_LIMIT : OK;

    if (group == 0)
        group = pc->suites[0].dh;
    env_random(x->env, nonce, sizeof nonce);
    own_sides(x, pc, old, &s);
    memcpy(q.child_name, pc->name, sizeof q.child_name);
    if (e == OK && group != 0)
        e = dh_new(x->env, group, &dh);
    if (e == OK)
        e = proposal_offer_esp(pc->suites, pc->n_suites, true, q.new_spi_in, spi_buf, &sa);
    if (e == OK)
        e = bytes_copy(span_of(nonce, sizeof nonce), &q.nonce);
    if (e == OK)
        e = request_ts_keep(&q, s.local, s.n_local, s.remote, s.n_remote);
    if (e == OK && dh != NULL) {
        q.dh = group;
        e = bytes_copy(secret_expose(dh_private(dh)), &q.dh_private);
    }
    if (e == OK) {
        msg_add_sa(&x->build, &sa);
        msg_add_nonce(&x->build, span_of(nonce, sizeof nonce));
        if (dh != NULL)
            msg_add_ke(&x->build, group, dh_public(dh));
        msg_add_ts(&x->build, PL_TSI, s.local, s.n_local);
        msg_add_ts(&x->build, PL_TSR, s.remote, s.n_remote);
        e = exchange_finish(x);
    }
    dh_free(dh);
    if (e != OK) {
        bytes_free(&q.nonce);
        bytes_free(&q.ts);
        bytes_wipe_free(&q.dh_private);
        return e;
    }
    x->sa->r.request = q;
    x->out.commit = true;
    return OK;
}

enum err create_child_begin(struct exchange *x, const struct policy_child *pc)
{
    (void)exchange_build(x);
    TRY(child_offer(x, pc, NULL, 0));
    x->sa->r.request.kind = RQ_CREATE_CHILD;
    return OK;
}

/* The peer has no such Child SA: it went with a Delete that we never saw, or have seen meanwhile.
 */
static void child_is_gone(struct exchange *x, struct child_record *c)
{
    uint32_t spi_in = c->spi_in;

    x->out.remove[x->out.n_remove++] = spi_in;
    if (c->state == CS_INSTALLED)
        exchange_event(x, OUT_CHILD_DOWN, spi_in, E_NOT_FOUND);
    session_record_remove_child(&x->sa->r, spi_in);
    /* A session whose stored state was behind: the peer's own Child SAs are not in it and never
     * will be. Ended cleanly, the peer starts anew; kept, it would send into nothing. */
    if (x->sa->r.suspect && x->sa->r.n_children == 0)
        x->sa->want_delete = true;
}

/* The peer wants another group of ours: at once, but not for ever. */
static bool other_group(const struct exchange *x, struct child_run *run, const struct pl_notify *n)
{
    const struct rec_request *q = &x->sa->r.request;
    const struct policy_child *pc = exchange_child_policy(exchange_conn(x, x->sa), q->child_name);
    uint16_t group;

    if (n->type != N_INVALID_KE_PAYLOAD || notify_ke_group(n, &group) != OK || group == q->dh ||
        pc == NULL || !proposal_offers_group_esp(pc->suites, pc->n_suites, group) ||
        run->dh_tries >= 2)
        return false;
    run->dh_tries++;
    run->dh_group = group;
    return true;
}

/* RFC 7296 2.25, 2.25.1: what a refusal of our request means for what we wanted. */
static enum err child_refused(struct exchange *x, const struct pl_notify *n)
{
    struct rec_request *q = &x->sa->r.request;
    struct child_record *c = ike_sa_child(x->sa, q->child_spi_in);
    struct child_run *run = c == NULL ? NULL : ike_sa_run(x->sa, q->child_spi_in);

    LOG(x->env, LOG_INFO, "child-refused", F_SPI("spi_r", x->sa->r.spi_r),
        F_STR("notify", notify_name(n->type)));
    x->out.commit = true;
    collision_clear(&x->sa->r);
    if (q->kind == RQ_CREATE_CHILD)
        exchange_event(x, OUT_FAILED, 0, E_NO_PROPOSAL);
    if (run == NULL)
        return OK; /* a Delete of the peer was faster */
    if (n->type == N_CHILD_SA_NOT_FOUND) {
        child_is_gone(x, c);
        return OK;
    }
    if (c->state != CS_INSTALLED)
        return OK; /* the peer's own rekey has replaced it: nothing is left to do for us */
    run->want_rekey = true;
    if (other_group(x, run, n)) {
        run->rekey_after_ms = 0;
        return OK;
    }
    /* It stays until its hard lifetime; asked again later, never in a loop. */
    run->rekey_after_ms = x->mono_ms + GIVE_UP_MS;
    if (n->type == N_TEMPORARY_FAILURE)
        run->rekey_after_ms = x->mono_ms + BACK_OFF_MS + env_uniform(x->env, BACK_OFF_MS);
    return OK;
}

static enum err take_answer(struct exchange *x, struct dh_shared *shared, uint32_t *ret_made,
                            struct span *ret_nonce)
{
    struct rec_request *q = &x->sa->r.request;
    const struct policy_child *pc = exchange_child_policy(exchange_conn(x, x->sa), q->child_name);
    const struct payload *ke_pl = payload_first(x->inner, PL_KE);
    struct ts l[LIMIT_SELECTORS], r[LIMIT_SELECTORS];
    size_t n_l, n_r;
    struct esp_choice choice;
    struct child_make cm = {
        .policy = pc, .initiator = true, .spi_in = q->new_spi_in, .ni = span_bytes(q->nonce)
    };
    struct secret priv = { 0 };
    struct dh *dh = NULL;
    struct pl_sa sa;
    struct pl_ts tsi, tsr;
    struct pl_ke ke;
    enum err e;

    if (pc == NULL || payload_first(x->inner, PL_SA) == NULL ||
        payload_first(x->inner, PL_NONCE) == NULL || payload_first(x->inner, PL_TSI) == NULL ||
        payload_first(x->inner, PL_TSR) == NULL)
        return E_NOT_ALLOWED;
    TRY(pl_sa_parse(rd_of(payload_first(x->inner, PL_SA)->body), &sa));
    TRY(pl_nonce_parse(rd_of(payload_first(x->inner, PL_NONCE)->body), &cm.nr));
    TRY(pl_ts_parse(rd_of(payload_first(x->inner, PL_TSI)->body), &tsi));
    TRY(pl_ts_parse(rd_of(payload_first(x->inner, PL_TSR)->body), &tsr));
    TRY(request_ts_get(q, l, &n_l, r, &n_r));
    TRY(proposal_accept_esp(&sa, pc->suites, pc->n_suites, true, &choice));
    if (tsi.n > LIMIT_SELECTORS || tsr.n > LIMIT_SELECTORS || !ts_within(l, n_l, tsi.ts, tsi.n) ||
        !ts_within(r, n_r, tsr.ts, tsr.n))
        return E_TS_UNACCEPTABLE;
    if (choice.suite.dh != 0) {
        if (ke_pl == NULL || choice.suite.dh != q->dh)
            return E_INVALID_KE;
        TRY(pl_ke_parse(rd_of(ke_pl->body), &ke));
        if (ke.group != q->dh)
            return E_INVALID_KE;
        TRY(secret_set(&priv, span_bytes(q->dh_private)));
        e = dh_from_private(q->dh, &priv, &dh);
        secret_wipe(&priv);
        if (e == OK)
            e = dh_compute(dh, ke.data, shared);
        dh_free(dh);
        if (e != OK)
            return e;
        cm.shared = shared;
    }
    cm.suite = choice.suite;
    cm.spi_out = choice.spi;
    cm.local = tsi.ts;
    cm.n_local = tsi.n;
    cm.remote = tsr.ts;
    cm.n_remote = tsr.n;
    TRY(child_make(x, x->sa, &cm));
    *ret_made = cm.spi_in;
    *ret_nonce = nonce_lower(cm.ni, cm.nr);
    return OK;
}

static void close_child(struct ike_sa *sa, uint32_t spi_in)
{
    struct child_record *c = ike_sa_child(sa, spi_in);
    struct child_run *run = ike_sa_run(sa, spi_in);

    if (c == NULL || run == NULL || c->state == CS_DELETING)
        return;
    c->state = CS_REKEYED;
    run->rekeyed_by_us = true;
    run->want_delete = true;
}

static void settle_rekey(struct exchange *x, uint32_t made, struct span lowest)
{
    uint32_t old = x->sa->r.request.child_spi_in;
    struct child_record *theirs;
    struct collision c;

    if (!collision_get(&x->sa->r, RQ_REKEY_CHILD, &c)) {
        close_child(x->sa, old);
        return;
    }
    theirs = ike_sa_child(x->sa, (uint32_t)c.spi);
    if (theirs != NULL && nonce_cmp(lowest, c.lowest) < 0) {
        close_child(x->sa, made); /* the peer deletes the old one */
    } else {
        if (theirs != NULL && theirs->state == CS_INSTALLED)
            theirs->state = CS_REKEYED; /* the peer made it and deletes it */
        close_child(x->sa, old);
    }
    collision_clear(&x->sa->r);
}

enum err create_child_response(struct exchange *x)
{
    struct rec_request *q = &x->sa->r.request;
    struct dh_shared shared = { 0 };
    struct pl_notify n;
    struct span lowest = SPAN_NONE;
    uint32_t made = 0;
    enum err e;

    TRY(pl_notify_check(x->inner));
    x->out.request_done = true;
    if (payload_first(x->inner, PL_SA) == NULL)
        return notify_find_error(x->inner, &n) ? child_refused(x, &n) : E_NOT_ALLOWED;
    e = take_answer(x, &shared, &made, &lowest);
    dh_shared_wipe(&shared);
    if (e != OK) {
        /* The peer has an SA that we cannot have: only an end of the IKE SA makes both agree again.
         */
        LOG(x->env, LOG_ERROR, "child-answer-unusable", F_ERR("error", e));
        x->sa->want_delete = true;
        return OK;
    }
    x->out.install[x->out.n_install++] = made;
    if (q->kind == RQ_REKEY_CHILD)
        settle_rekey(x, made, lowest);
    /* A rekey is news only to an operator who waits for it. */
    if (q->kind != RQ_REKEY_CHILD || x->sa->event_id != 0)
        exchange_event(x, OUT_CHILD_UP, made, OK);
    x->out.commit = true;
    return OK;
}
