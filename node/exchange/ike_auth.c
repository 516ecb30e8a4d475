/* ike_auth: the second exchange, both roles: authentication, inner addresses, the first Child SA.
 *
 * Responder: IDi names the connection; AUTH is checked before anything is given; a Child SA that
 * cannot be made leaves the IKE SA up with the notify that says why (RFC 7296 1.2). A refused AUTH
 * is one AUTHENTICATION_FAILED whatever the reason, and the half-open session answers nothing else
 * from then on. Initiator: begins once keys exist, checks the responder in the same way. No EAP
 * here. RFC 7296 1.2, 2.15, 2.16, 2.19. INV-AUTH: nothing is appended to r.children before
 * auth_check returned OK. */
#include <string.h>

#include "node/exchange/auth_payloads.h"
#include "node/exchange/config_payload.h"
#include "node/exchange/exchange.h"
#include "node/exchange/ike_auth.h"
#include "node/exchange/request_ts.h"
#include "node/sa/proposal.h"
#include "node/sa/ts_narrow.h"

/* ---- the Child SA part ---- */

struct side {
    struct ts ts[LIMIT_SELECTORS];
    size_t n;
};

/* A side's selectors as this node's policy has them; vips stand for a dynamic side. */
static void policy_side(const struct ts *configured, size_t n, bool dynamic,
                        const struct ip_addr *vips, size_t n_vips, const struct ip_addr *fallback,
                        struct side *ret)
{
    ret->n = 0;
    if (dynamic) {
        ts_dynamic(vips, n_vips, n_vips > 0 ? NULL : fallback, ret->ts, &ret->n);
        return;
    }
    for (; ret->n < n; ret->n++)
        ret->ts[ret->n] = configured[ret->n];
}

static enum err parse_ts(const struct exchange *x, uint8_t type, struct pl_ts *ret)
{
    return pl_ts_parse(rd_of(payload_first(x->inner, type)->body), ret);
}

struct child_offer {
    const struct policy_child *policy;
    struct esp_choice choice;
    struct side local, remote;
};

/* The first child of the connection that fits the peer's selectors and proposals. */
static enum err choose_child(const struct exchange *x, const struct policy_conn *c,
                             const struct given *g, struct child_offer *ret)
{
    struct pl_sa sa;
    struct pl_ts tsi, tsr;
    enum err best = E_TS_UNACCEPTABLE;

    TRY(pl_sa_parse(rd_of(payload_first(x->inner, PL_SA)->body), &sa));
    TRY(parse_ts(x, PL_TSI, &tsi));
    TRY(parse_ts(x, PL_TSR, &tsr));
    for (unsigned i = 0; i < c->n_children; i++) {
        const struct policy_child *p = &c->children[i];
        struct side ours, theirs;
        bool narrowed;

        policy_side(p->local_ts, p->n_local, p->local_dynamic, NULL, 0, &x->local.addr, &ours);
        policy_side(p->remote_ts, p->n_remote, p->remote_dynamic, g->vips, g->n, &x->remote.addr,
                    &theirs);
        if (ts_narrow(ours.ts, ours.n, tsr.ts, tsr.n, ret->local.ts, &ret->local.n, &narrowed) !=
                OK ||
            ts_narrow(theirs.ts, theirs.n, tsi.ts, tsi.n, ret->remote.ts, &ret->remote.n,
                      &narrowed) != OK)
            continue;
        best = proposal_choose_esp(&sa, p->suites, p->n_suites, false, &ret->choice);
        if (best == OK) {
            ret->policy = p;
            return OK;
        }
    }
    return best;
}

static uint16_t child_notify(enum err e)
{
    switch (e) {
    case E_NO_PROPOSAL:
        return N_NO_PROPOSAL_CHOSEN;
    case E_TS_UNACCEPTABLE:
        return N_TS_UNACCEPTABLE;
    case E_NO_ADDRESS:
        return N_INTERNAL_ADDRESS_FAILURE;
    default:
        return N_NO_ADDITIONAL_SAS;
    }
}

static enum err make_child(struct exchange *x, const struct child_offer *o)
{
    struct child_make m = { .policy = o->policy,
                            .suite = o->choice.suite,
                            .spi_in = x->ops->new_esp_spi(x->host, x->sa->slot),
                            .spi_out = o->choice.spi,
                            .ni = span_bytes(x->sa->r.ni),
                            .nr = span_bytes(x->sa->r.nr),
                            .local = o->local.ts,
                            .remote = o->remote.ts,
                            .n_local = o->local.n,
                            .n_remote = o->remote.n };

    if (m.spi_in == 0)
        return E_LIMIT;
    TRY(child_make(x, x->sa, &m));
    x->out.install[x->out.n_install++] = m.spi_in;
    return OK;
}

static void add_child_answer(struct exchange *x, const struct child_offer *o)
{
    uint8_t spi_buf[ESP_SPI_LEN];
    struct pl_sa answer;

    proposal_answer_esp(&o->choice, x->out.install[0], spi_buf, &answer);
    msg_add_sa(&x->build, &answer);
    msg_add_ts(&x->build, PL_TSI, o->remote.ts, o->remote.n);
    msg_add_ts(&x->build, PL_TSR, o->local.ts, o->local.n);
}

/* ---- responder ---- */

static bool has_suite(const struct policy_conn *c, const struct rec_suite *s)
{
    for (unsigned i = 0; i < c->n_suites; i++)
        if (c->suites[i].encr == s->encr && c->suites[i].encr_key_bits == s->encr_key_bits &&
            c->suites[i].integ == s->integ && c->suites[i].prf == s->prf &&
            c->suites[i].dh == s->dh)
            return true;
    return false;
}

/* The first connection for these identities, this address and the negotiated suite. */
static const struct policy_conn *find_conn(const struct exchange *x, const struct pl_id *idi,
                                           const struct payload *idr_pl, bool psk)
{
    const struct session_record *r = &x->sa->r;

    for (size_t i = 0; i < x->policy->n_conns; i++) {
        const struct policy_conn *c = &x->policy->conns[i];
        struct pl_id idr;

        if ((c->local.addr.family != 0 && !ip_eq(&c->local.addr, &r->local.addr)) ||
            (c->remote.addr.family != 0 && !ip_eq(&c->remote.addr, &r->remote.addr)) ||
            !has_suite(c, &r->suite) || !auth_id_matches(&c->remote_id, idi) ||
            (c->remote_auth == AUTH_PSK) != psk)
            continue;
        if (idr_pl != NULL && c->local_id.type != 0 &&
            (pl_id_parse(rd_of(idr_pl->body), &idr) != OK || !auth_id_matches(&c->local_id, &idr)))
            continue;
        return c;
    }
    return NULL;
}

static enum err refuse_auth(struct exchange *x, const struct pl_id *id, const char *why)
{
    LOG(x->env, LOG_WARN, "auth-failed", F_SPI("spi_i", x->sa->r.spi_i),
        F_SPI("spi_r", x->sa->r.spi_r), F_TEXT("id", id->data), F_STR("reason", why));
    x->sa->failed = true;
    exchange_event(x, OUT_FAILED, 0, E_AUTH_FAILED);
    return exchange_refuse(x, N_AUTHENTICATION_FAILED, SPAN_NONE);
}

static enum err keep_id(struct rec_id *ret, const struct pl_id *id)
{
    struct bytes copy;

    if (id->data.len > LIMIT_ID)
        return E_LIMIT;
    TRY(bytes_copy(id->data, &copy));
    bytes_free(&ret->data);
    *ret = (struct rec_id){ id->type, copy };
    return OK;
}

/* Inputs of AUTH and of the first keys are not needed any more: derived keys are what is
 * replicated. */
static void established(struct exchange *x, const struct policy_conn *c)
{
    struct session_record *r = &x->sa->r;

    ike_sa_set_state(x->sa, SS_ESTABLISHED, x->env);
    bytes_free(&r->ni);
    bytes_free(&r->nr);
    bytes_free(&r->init_request);
    bytes_free(&r->init_response);
    secret_wipe(&r->sk_pi);
    secret_wipe(&r->sk_pr);
    ike_sa_lifetimes(x, x->sa, c);
    exchange_event(x, OUT_IKE_UP, 0, OK);
}

static enum err keep_addresses(struct session_record *r, const struct given *g)
{
    r->n_vips = g->n;
    for (unsigned i = 0; i < g->n; i++) {
        r->vips[i] = g->vips[i];
        r->vip_leased[i] = g->leased[i];
    }
    return OK;
}

static enum err answer_auth(struct exchange *x, const struct policy_conn *c,
                            const struct pl_id *idi, const struct pl_id *idr, const struct given *g,
                            enum err child_err, const struct child_offer *offer)
{
    struct session_record *r = &x->sa->r;
    struct msg *m = exchange_build(x);

    TRY(auth_add(x, m, c, PL_IDR, idr));
    TRY(keep_id(&r->id_remote, idi));
    TRY(keep_id(&r->id_local, idr));
    memcpy(r->conn, c->name, sizeof r->conn);
    if (child_err == OK)
        child_err = make_child(x, offer);
    if (child_err == OK) {
        if (g->n > 0)
            config_add_reply(m, c, g);
        add_child_answer(x, offer);
        (void)keep_addresses(r, g);
        exchange_event(x, OUT_CHILD_UP, x->out.install[0], OK);
    } else {
        msg_add_notify(m, child_notify(child_err), SPAN_NONE);
    }
    r->peer_mobike = notify_has(x->inner, N_MOBIKE_SUPPORTED);
    established(x, c);
    TRY(exchange_finish(x));
    x->out.commit = true;
    return OK;
}

enum err ike_auth_request(struct exchange *x)
{
    const struct payload *idi_pl = payload_first(x->inner, PL_IDI);
    const struct policy_conn *c;
    struct pl_id idi, idr;
    struct pl_auth auth;
    struct child_offer offer;
    struct given g = { 0 };
    struct ip_addr room;
    const char *why;
    enum err e;

    if (x->sa->failed)
        return E_NOT_ALLOWED;
    TRY(pl_id_parse(rd_of(idi_pl->body), &idi));
    TRY(pl_auth_parse(rd_of(payload_first(x->inner, PL_AUTH)->body), &auth));
    TRY(pl_notify_check(x->inner));
    c = find_conn(x, &idi, payload_first(x->inner, PL_IDR), auth.method == AUTH_METHOD_PSK);
    if (c == NULL)
        return refuse_auth(x, &idi, "no connection for these identities");
    e = auth_check(x, c, idi_pl, &why);
    if (e != OK)
        return err_class(e) == ERR_LOCAL ? e : refuse_auth(x, &idi, why);
    TRY(auth_local_id(c, &x->local, &idr, &room));
    e = config_give(x, c, &g);
    if (e == E_TEMPORARY)
        return e; /* the lease's answer brings this message again */
    if (e == OK)
        e = choose_child(x, c, &g, &offer);
    if (e != OK && err_class(e) != ERR_PEER)
        return e;
    return answer_auth(x, c, &idi, &idr, &g, e, &offer);
}

/* ---- initiator ---- */

static void offered_sides(const struct exchange *x, const struct policy_conn *c,
                          const struct policy_child *p, struct side *local, struct side *remote)
{
    policy_side(p->local_ts, p->n_local, false, NULL, 0, NULL, local);
    policy_side(p->remote_ts, p->n_remote, false, NULL, 0, NULL, remote);
    if (p->local_dynamic) {
        /* The address is not known yet: any of the families asked for, and the responder narrows.
         */
        local->n = 0;
        if (c->request_vip4)
            local->ts[local->n++] = ts_any(4);
        if (c->request_vip6)
            local->ts[local->n++] = ts_any(6);
        if (local->n == 0)
            local->ts[local->n++] = ts_address(&x->sa->r.local.addr);
    }
    if (p->remote_dynamic) {
        remote->n = 1;
        remote->ts[0] = ts_address(&x->sa->r.remote.addr);
    }
}

enum err ike_auth_begin(struct exchange *x)
{
    const struct policy_conn *c = exchange_conn(x, x->sa);
    struct session_record *r = &x->sa->r;
    const struct policy_child *p;
    struct side local, remote;
    uint8_t spi_buf[ESP_SPI_LEN];
    struct ip_addr room;
    struct pl_sa offer;
    struct pl_id id;
    struct msg *m;

    if (c == NULL || c->n_children == 0)
        return E_CONFIG;
    p = &c->children[0];
    TRY(auth_local_id(c, &r->local, &id, &room));
    r->request.kind = RQ_AUTH;
    r->request.new_spi_in = x->ops->new_esp_spi(x->host, x->sa->slot);
    if (r->request.new_spi_in == 0)
        return E_LIMIT;
    memcpy(r->request.child_name, p->name, sizeof r->request.child_name);
    TRY(keep_id(&r->id_local, &id));
    m = exchange_build(x);
    TRY(auth_add(x, m, c, PL_IDI, &id));
    if (c->remote_id.type != 0 && !c->remote_id.wildcard) {
        struct pl_id idr = { c->remote_id.type, span_bytes(c->remote_id.data) };

        msg_add_id(m, PL_IDR, &idr);
    }
    config_add_request(m, c);
    TRY(proposal_offer_esp(p->suites, p->n_suites, false, r->request.new_spi_in, spi_buf, &offer));
    msg_add_sa(m, &offer);
    offered_sides(x, c, p, &local, &remote);
    msg_add_ts(m, PL_TSI, local.ts, local.n);
    msg_add_ts(m, PL_TSR, remote.ts, remote.n);
    TRY(request_ts_keep(&r->request, local.ts, local.n, remote.ts, remote.n));
    TRY(exchange_finish(x));
    ike_sa_set_state(x->sa, SS_AUTH_SENT, x->env);
    x->out.commit = true;
    return OK;
}

static enum err auth_gone(struct exchange *x, enum err cause, const char *why)
{
    LOG(x->env, LOG_WARN, "auth-failed", F_SPI("spi_i", x->sa->r.spi_i), F_STR("reason", why),
        F_ERR("error", cause));
    ike_sa_set_state(x->sa, SS_DELETED, x->env);
    exchange_event(x, OUT_FAILED, 0, cause);
    x->out.request_done = x->out.commit = x->out.remove_record = true;
    return OK;
}

static enum err take_child(struct exchange *x, const struct policy_conn *c, const struct given *g)
{
    struct session_record *r = &x->sa->r;
    const struct policy_child *p = exchange_child_policy(c, r->request.child_name);
    struct ts offered_l[LIMIT_SELECTORS], offered_r[LIMIT_SELECTORS];
    size_t n_l, n_r;
    struct child_make m = { .policy = p,
                            .spi_in = r->request.new_spi_in,
                            .initiator = true,
                            .ni = span_bytes(r->ni),
                            .nr = span_bytes(r->nr) };
    struct esp_choice choice;
    struct pl_sa sa;
    struct pl_ts tsi, tsr;

    if (p == NULL)
        return E_CONFIG;
    if (payload_first(x->inner, PL_SA) == NULL || payload_first(x->inner, PL_TSI) == NULL ||
        payload_first(x->inner, PL_TSR) == NULL)
        return E_NOT_ALLOWED;
    TRY(pl_sa_parse(rd_of(payload_first(x->inner, PL_SA)->body), &sa));
    TRY(parse_ts(x, PL_TSI, &tsi));
    TRY(parse_ts(x, PL_TSR, &tsr));
    TRY(request_ts_get(&r->request, offered_l, &n_l, offered_r, &n_r));
    if (tsi.n > LIMIT_SELECTORS || tsr.n > LIMIT_SELECTORS ||
        !ts_within(offered_l, n_l, tsi.ts, tsi.n) || !ts_within(offered_r, n_r, tsr.ts, tsr.n))
        return E_TS_UNACCEPTABLE;
    TRY(proposal_accept_esp(&sa, p->suites, p->n_suites, false, &choice));
    m.suite = choice.suite;
    m.spi_out = choice.spi;
    m.local = tsi.ts;
    m.n_local = tsi.n;
    m.remote = tsr.ts;
    m.n_remote = tsr.n;
    (void)keep_addresses(r, g);
    TRY(child_make(x, x->sa, &m));
    x->out.install[x->out.n_install++] = m.spi_in;
    exchange_event(x, OUT_CHILD_UP, m.spi_in, OK);
    return OK;
}

enum err ike_auth_response(struct exchange *x)
{
    const struct policy_conn *c = exchange_conn(x, x->sa);
    const struct payload *idr_pl = payload_first(x->inner, PL_IDR);
    struct pl_notify n;
    struct given g;
    struct pl_id idr;
    const char *why = "no identity or AUTH in the answer";
    enum err e = E_AUTH_FAILED;

    TRY(pl_notify_check(x->inner));
    if (idr_pl == NULL || payload_first(x->inner, PL_AUTH) == NULL) {
        if (notify_find_error(x->inner, &n))
            return auth_gone(x, E_AUTH_FAILED, notify_name(n.type));
        return auth_gone(x, E_AUTH_FAILED, why);
    }
    if (c == NULL)
        return auth_gone(x, E_CONFIG, "the connection is gone from the configuration");
    TRY(pl_id_parse(rd_of(idr_pl->body), &idr));
    why = "the responder's identity is not the configured one";
    if (auth_id_matches(&c->remote_id, &idr))
        e = auth_check(x, c, idr_pl, &why);
    if (e != OK)
        return auth_gone(x, e, why);
    TRY(keep_id(&x->sa->r.id_remote, &idr));
    e = config_take(x, &g);
    if (e == OK)
        e = take_child(x, c, &g);
    if (e != OK) {
        /* The IKE SA is up at both ends (RFC 7296 1.2); ours without a child is of no use: delete
         * it. */
        if (notify_find_error(x->inner, &n))
            LOG(x->env, LOG_WARN, "child-refused", F_STR("notify", notify_name(n.type)));
        exchange_event(x, OUT_FAILED, 0, e);
        x->sa->want_delete = true;
    }
    established(x, c);
    x->out.request_done = x->out.commit = true;
    return OK;
}
