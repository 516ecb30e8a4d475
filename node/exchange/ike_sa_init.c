/* ike_sa_init: the first exchange, both roles.
 *
 * Responder: turns a parsed IKE_SA_INIT into a half-open session, or into INVALID_KE_PAYLOAD or
 * NO_PROPOSAL_CHOSEN in clear. Cookies are node/core/admission.c's: whoever gets here is admitted.
 * Which connection it is turns out in IKE_AUTH; here every connection of our address may offer a
 * suite. Initiator: begins, takes COOKIE and INVALID_KE_PAYLOAD once each, derives keys.
 * Authenticates nobody. RFC 7296 1.2, 2.6, 2.7, 2.23. */
#include <string.h>

#include "node/exchange/exchange.h"
#include "node/exchange/nat_detect.h"
#include "node/sa/keymat.h"
#include "node/sa/proposal.h"

enum { NONCE_LEN = 32 };

struct init_parts {
    struct pl_sa sa;
    struct pl_ke ke;
    struct span nonce;
};

static enum err parse_parts(const struct exchange *x, struct init_parts *ret)
{
    TRY(pl_sa_parse(rd_of(payload_first(x->clear, PL_SA)->body), &ret->sa));
    TRY(pl_ke_parse(rd_of(payload_first(x->clear, PL_KE)->body), &ret->ke));
    TRY(pl_nonce_parse(rd_of(payload_first(x->clear, PL_NONCE)->body), &ret->nonce));
    return pl_notify_check(x->clear);
}

static void take_notifies(const struct exchange *x, struct session_record *r)
{
    struct pl_notify n;
    uint32_t hashes;

    r->peer_frag = notify_has(x->clear, N_IKEV2_FRAGMENTATION_SUPPORTED);
    if (notify_find(x->clear, N_SIGNATURE_HASH_ALGORITHMS, 0, &n) &&
        notify_sig_hashes(&n, &hashes) == OK)
        r->peer_hashes = (uint16_t)hashes;
}

static void add_common(struct exchange *x, struct msg *m, uint64_t spi_i, uint64_t spi_r,
                       const struct endpoint *local, const struct endpoint *remote,
                       const struct policy_conn *conn)
{
    nat_detect_add(x, m, spi_i, spi_r, local, remote, conn != NULL && conn->force_encap);
    if (conn == NULL || conn->fragmentation)
        msg_add_notify(m, N_IKEV2_FRAGMENTATION_SUPPORTED, SPAN_NONE);
    msg_add_sig_hashes(m, SIGN_HASH_ALL);
}

static bool conn_is_here(const struct policy_conn *c, const struct endpoint *local,
                         const struct endpoint *remote)
{
    return (c->local.addr.family == 0 || ip_eq(&c->local.addr, &local->addr)) &&
           (c->remote.addr.family == 0 || ip_eq(&c->remote.addr, &remote->addr));
}

/* The first connection of this address that shares a suite with the peer. */
static const struct policy_conn *choose(const struct exchange *x, const struct pl_sa *theirs,
                                        struct ike_choice *ret)
{
    for (size_t i = 0; i < x->policy->n_conns; i++) {
        const struct policy_conn *c = &x->policy->conns[i];

        if (conn_is_here(c, &x->local, &x->remote) &&
            proposal_choose_ike(theirs, c->suites, c->n_suites, false, ret) == OK)
            return c;
    }
    return NULL;
}

static enum err refuse_clear(struct exchange *x, uint16_t notify, uint16_t group)
{
    struct ike_header h = ike_header_make(x->h->spi_i, 0, EX_IKE_SA_INIT, false, true, 0);

    msg_begin(&x->build, x->room, EXCHANGE_ROOM, &h);
    if (notify == N_INVALID_KE_PAYLOAD)
        msg_add_invalid_ke(&x->build, group);
    else
        msg_add_notify(&x->build, notify, SPAN_NONE);
    TRY(msg_finish(&x->build, &x->out.content));
    x->out.answer = x->out.clear = true;
    return OK;
}

static enum err derive(struct session_record *r, const struct ike_suite *suite, const struct dh *dh,
                       struct span peer_public)
{
    struct dh_shared shared;
    struct ike_keys k;
    enum err e = dh_compute(dh, peer_public, &shared);

    if (e == OK) {
        e = keymat_ike(suite, &shared, span_bytes(r->ni), span_bytes(r->nr), r->spi_i, r->spi_r,
                       &k);
        dh_shared_wipe(&shared);
    }
    if (e != OK)
        return e;
    r->suite = (struct rec_suite){ suite->encr, suite->encr_key_bits, suite->integ, suite->prf,
                                   suite->dh };
    r->sk_d = k.sk_d;
    r->sk_ai = k.sk_ai;
    r->sk_ar = k.sk_ar;
    r->sk_ei = k.sk_ei;
    r->sk_er = k.sk_er;
    r->sk_pi = k.sk_pi;
    r->sk_pr = k.sk_pr;
    ike_keys_wipe(&k);
    return OK;
}

static void set_addresses(struct exchange *x, struct session_record *r, uint64_t spi_i,
                          uint64_t spi_r, bool force)
{
    struct nat_found nat = nat_detect_check(x, spi_i, spi_r);

    r->local = x->local;
    r->remote = x->remote;
    r->nat_local = nat.here;
    r->nat_remote = nat.there;
    r->udp_encap = nat.here || nat.there || force || x->local.port == 4500;
}

static enum err write_response(struct exchange *x, struct ike_sa *sa, const struct ike_choice *ch,
                               const struct dh *dh, const struct policy_conn *conn)
{
    struct ike_header h = ike_header_make(sa->r.spi_i, sa->r.spi_r, EX_IKE_SA_INIT, false, true, 0);
    uint8_t spi_buf[IKE_SPI_LEN];
    struct pl_sa answer;

    proposal_answer_ike(ch, 0, spi_buf, &answer);
    msg_begin(&x->build, x->room, EXCHANGE_ROOM, &h);
    msg_add_sa(&x->build, &answer);
    msg_add_ke(&x->build, ch->suite.dh, dh_public(dh));
    msg_add_nonce(&x->build, span_bytes(sa->r.nr));
    add_common(x, &x->build, sa->r.spi_i, sa->r.spi_r, &x->local, &x->remote, conn);
    if (conn->remote_auth == AUTH_CERT && conn->send_certreq && conn->anchors != NULL)
        msg_add_certreq(&x->build, CERT_X509_SIGNATURE, x509_anchors_certreq(conn->anchors));
    TRY(msg_finish(&x->build, &x->out.content));
    return bytes_copy(x->out.content, &sa->r.init_response);
}

static enum err make_half_open(struct exchange *x, const struct init_parts *p,
                               const struct ike_choice *ch, const struct policy_conn *conn,
                               struct ike_sa *sa, uint64_t spi_r)
{
    struct dh *dh = NULL;
    uint8_t nonce[NONCE_LEN];
    enum err e;

    sa->r.role = ROLE_RESPONDER;
    sa->r.spi_i = x->h->spi_i;
    sa->r.spi_r = spi_r;
    sa->r.created_ms = x->wall_ms;
    sa->r.recv_next = 1;
    env_random(x->env, nonce, sizeof nonce);
    set_addresses(x, &sa->r, x->h->spi_i, 0, conn->force_encap);
    take_notifies(x, &sa->r);
    e = bytes_copy(p->nonce, &sa->r.ni);
    if (e == OK)
        e = bytes_copy(span_of(nonce, sizeof nonce), &sa->r.nr);
    if (e == OK)
        e = bytes_copy(x->message, &sa->r.init_request);
    if (e == OK)
        e = dh_new(x->env, ch->suite.dh, &dh);
    if (e == OK)
        e = derive(&sa->r, &ch->suite, dh, p->ke.data);
    if (e == OK)
        e = write_response(x, sa, ch, dh, conn);
    dh_free(dh);
    return e;
}

enum err ike_sa_init_request(struct exchange *x)
{
    struct init_parts p;
    struct ike_choice ch;
    const struct policy_conn *conn;
    struct ike_sa *sa;
    uint64_t spi_r;
    enum err e;

    TRY(parse_parts(x, &p));
    conn = choose(x, &p.sa, &ch);
    if (conn == NULL)
        return refuse_clear(x, N_NO_PROPOSAL_CHOSEN, 0);
    if (proposal_check_ke(ch.suite.dh, true, p.ke.group) != OK)
        return refuse_clear(x, N_INVALID_KE_PAYLOAD, ch.suite.dh);
    sa = ike_sa_new();
    if (sa == NULL)
        return E_NOMEM;
    spi_r = x->ops->new_ike_spi(x->host, UINT16_MAX); /* any slot that is ready */
    e = spi_r == 0 ? E_TEMPORARY : make_half_open(x, &p, &ch, conn, sa, spi_r);
    if (e != OK) {
        ike_sa_free(sa);
        return e;
    }
    ike_sa_set_state(sa, SS_HALF_OPEN, x->env);
    sa->slot = ike_spi_slot(spi_r);
    x->out.created = sa;
    x->out.answer = x->out.clear = x->out.commit = true;
    return OK;
}

/* Our own IKE_SA_INIT for what r.request says (group, nonce, cookie). */
static enum err write_request(struct exchange *x, struct ike_sa *sa, const struct policy_conn *conn,
                              const struct dh *dh, struct span cookie)
{
    struct ike_header h = ike_header_make(sa->r.spi_i, 0, EX_IKE_SA_INIT, true, false, 0);
    uint8_t spi_buf[IKE_SPI_LEN];
    struct bytes copy;
    struct pl_sa offer;

    TRY(proposal_offer_ike(conn->suites, conn->n_suites, 0, spi_buf, &offer));
    msg_begin(&x->build, x->room, EXCHANGE_ROOM, &h);
    /* RFC 7296 2.6: "... include the COOKIE notification containing the received data as the first
     * payload, and all other payloads unchanged." */
    if (cookie.len > 0)
        msg_add_notify(&x->build, N_COOKIE, cookie);
    msg_add_sa(&x->build, &offer);
    msg_add_ke(&x->build, dh_group(dh), dh_public(dh));
    msg_add_nonce(&x->build, span_bytes(sa->r.ni));
    add_common(x, &x->build, sa->r.spi_i, 0, &sa->r.local, &sa->r.remote, conn);
    TRY(msg_finish(&x->build, &x->out.content));
    TRY(bytes_copy(x->out.content, &copy));
    bytes_free(&sa->r.init_request);
    sa->r.init_request = copy;
    x->out.clear = true;
    x->out.answer = true;
    x->out.commit = true;
    return OK;
}

static enum err keep_dh(struct rec_request *rq, const struct dh *dh)
{
    struct bytes copy;

    TRY(bytes_copy(secret_expose(dh_private(dh)), &copy));
    bytes_wipe_free(&rq->dh_private);
    rq->dh_private = copy;
    rq->dh = dh_group(dh);
    return OK;
}

enum err ike_sa_init_begin(struct exchange *x, const struct policy_conn *conn, uint64_t spi_i,
                           uint16_t slot)
{
    struct ike_sa *sa = ike_sa_new();
    uint8_t nonce[NONCE_LEN];
    struct dh *dh = NULL;
    enum err e;

    if (sa == NULL)
        return E_NOMEM;
    env_random(x->env, nonce, sizeof nonce);
    sa->slot = slot;
    sa->r.role = ROLE_INITIATOR;
    sa->r.spi_i = spi_i;
    sa->r.created_ms = x->wall_ms;
    memcpy(sa->r.conn, conn->name, sizeof sa->r.conn);
    sa->r.local = conn->local;
    sa->r.remote = conn->remote;
    sa->r.request.kind = RQ_INIT;
    e = dh_new(x->env, conn->suites[0].dh, &dh);
    if (e == OK)
        e = keep_dh(&sa->r.request, dh);
    if (e == OK)
        e = bytes_copy(span_of(nonce, sizeof nonce), &sa->r.ni);
    if (e == OK)
        e = write_request(x, sa, conn, dh, SPAN_NONE);
    dh_free(dh);
    if (e != OK) {
        ike_sa_free(sa);
        return e;
    }
    ike_sa_set_state(sa, SS_INIT_SENT, x->env);
    x->out.created = sa;
    return OK;
}

static enum err request_dh(const struct ike_sa *sa, struct dh **ret)
{
    struct secret priv = { 0 };
    enum err e = secret_set(&priv, span_bytes(sa->r.request.dh_private));

    if (e == OK)
        e = dh_from_private(sa->r.request.dh, &priv, ret);
    secret_wipe(&priv);
    return e;
}

/* COOKIE or INVALID_KE_PAYLOAD: the request again, changed. Each is believed once. */
static enum err begin_again(struct exchange *x, const struct policy_conn *conn, struct span cookie,
                            uint16_t group)
{
    struct ike_sa *sa = x->sa;
    struct dh *dh = NULL;
    enum err e = group == 0 ? request_dh(sa, &dh) : dh_new(x->env, group, &dh);

    if (e == OK)
        e = write_request(x, sa, conn, dh, cookie);
    if (e == OK)
        e = keep_dh(&sa->r.request, dh);
    dh_free(dh);
    return e;
}

static enum err fail_init(struct exchange *x, enum err cause)
{
    ike_sa_set_state(x->sa, SS_DELETED, x->env);
    exchange_event(x, OUT_FAILED, 0, cause);
    x->out.request_done = x->out.remove_record = x->out.commit = true;
    return OK;
}

/* Unauthenticated answers are hints: nothing in them ends the attempt but what leaves no choice. */
static enum err init_notified(struct exchange *x, const struct policy_conn *conn)
{
    struct pl_notify n;
    uint16_t group;

    if (notify_find(x->clear, N_COOKIE, 0, &n) && n.data.len >= 1 && n.data.len <= LIMIT_COOKIE)
        return begin_again(x, conn, n.data, 0);
    if (notify_find(x->clear, N_INVALID_KE_PAYLOAD, 0, &n)) {
        TRY(notify_ke_group(&n, &group));
        if (group == x->sa->r.request.dh ||
            !proposal_offers_group_ike(conn->suites, conn->n_suites, group))
            return E_BAD_VALUE;
        return begin_again(x, conn, SPAN_NONE, group);
    }
    if (notify_has(x->clear, N_NO_PROPOSAL_CHOSEN))
        return fail_init(x, E_NO_PROPOSAL);
    return E_NOT_ALLOWED;
}

static enum err init_accepted(struct exchange *x, const struct policy_conn *conn)
{
    struct session_record *r = &x->sa->r;
    struct init_parts p;
    struct ike_choice ch;
    struct dh *dh = NULL;
    struct bytes nr, response = { 0 };
    uint64_t spi_r = r->spi_r;
    enum err e;

    TRY(parse_parts(x, &p));
    if (x->h->spi_r == 0)
        return E_BAD_VALUE;
    TRY(proposal_accept_ike(&p.sa, conn->suites, conn->n_suites, false, &ch));
    if (p.ke.group != ch.suite.dh || p.ke.group != r->request.dh)
        return E_BAD_VALUE;
    TRY(bytes_copy(p.nonce, &nr));
    e = bytes_copy(x->message, &response);
    if (e == OK)
        e = request_dh(x->sa, &dh);
    if (e == OK) {
        r->spi_r = x->h->spi_r;
        bytes_free(&r->nr);
        r->nr = nr;
        nr = (struct bytes){ 0 };
        e = derive(r, &ch.suite, dh, p.ke.data);
    }
    dh_free(dh);
    if (e != OK) {
        r->spi_r = spi_r;
        bytes_free(&nr);
        bytes_free(&response);
        return e;
    }
    bytes_free(&r->init_response);
    r->init_response = response;
    set_addresses(x, r, r->spi_i, r->spi_r, conn->force_encap);
    take_notifies(x, r);
    if (r->udp_encap) { /* RFC 7296 2.23: both ports float to 4500 */
        r->local.port = 4500;
        if (r->remote.port == 500)
            r->remote.port = 4500;
    }
    x->out.request_done = x->out.commit = true;
    return OK;
}

enum err ike_sa_init_response(struct exchange *x)
{
    const struct policy_conn *conn = exchange_conn(x, x->sa);

    if (conn == NULL)
        return fail_init(x, E_CONFIG);
    if (payload_first(x->clear, PL_SA) == NULL)
        return init_notified(x, conn);
    if (payload_first(x->clear, PL_KE) == NULL || payload_first(x->clear, PL_NONCE) == NULL)
        return E_NOT_ALLOWED;
    return init_accepted(x, conn);
}
