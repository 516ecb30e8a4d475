/* rekey_ike: CREATE_CHILD_SA that replaces the IKE SA, both roles. RFC
 * 7296 1.3.2, 2.8, 2.8.2, 2.18, 2.25.2.
 *
 * The new SA stays in the slot of the old one; Child SAs and inner addresses move to it as they
 * are, so nothing changes at the data plane. Both at once (2.8.2): each side ends up with two new
 * SAs. Until it is known which survives, the Child SAs stay with the old one; the answer to our own
 * request settles it: the SA made with the lowest of the four nonces is closed by who made it, the
 * other inherits. A Delete of the old SA that overtakes that answer settles it as well: who deletes
 * the old SA has won. */
#include <string.h>

#include "node/exchange/collision.h"
#include "node/exchange/create_child.h"
#include "node/exchange/rekey_ike.h"
#include "node/sa/keymat.h"

enum { NONCE_LEN = 32, BACK_OFF_MS = 5000, GIVE_UP_MS = 60000 };

/* Identity, addresses and what the peer can do: all but keys, IDs of messages, and Child SAs. */
static enum err inherit(const struct session_record *old, struct session_record *r)
{
    TRY(bytes_copy(span_bytes(old->id_local.data), &r->id_local.data));
    TRY(bytes_copy(span_bytes(old->id_remote.data), &r->id_remote.data));
    r->id_local.type = old->id_local.type;
    r->id_remote.type = old->id_remote.type;
    r->local = old->local;
    r->remote = old->remote;
    r->nat_local = old->nat_local;
    r->nat_remote = old->nat_remote;
    r->udp_encap = old->udp_encap;
    memcpy(r->conn, old->conn, sizeof r->conn);
    r->peer_frag = old->peer_frag;
    r->peer_hashes = old->peer_hashes;
    r->peer_mobike = old->peer_mobike;
    return OK;
}

void rekey_ike_move_children(struct ike_sa *from, struct ike_sa *to)
{
    struct session_record *a = &from->r, *b = &to->r;

    b->children = a->children;
    b->n_children = a->n_children;
    b->cap_children = a->cap_children;
    a->children = NULL;
    a->n_children = a->cap_children = 0;
    to->runs = from->runs;
    to->n_runs = from->n_runs;
    from->runs = NULL;
    from->n_runs = 0;
    memcpy(b->vips, a->vips, sizeof b->vips);
    memcpy(b->vip_leased, a->vip_leased, sizeof b->vip_leased);
    b->n_vips = a->n_vips;
    a->n_vips = 0;
}

struct fresh {
    enum record_role role;
    uint64_t spi_i, spi_r;
    const struct ike_suite *suite;
    const struct dh_shared *shared;
    struct span ni, nr;
};

static enum err make_sa(struct exchange *x, const struct fresh *f, struct ike_sa **ret)
{
    struct session_record *old = &x->sa->r;
    struct ike_sa *sa = ike_sa_new();
    struct ike_keys k;
    enum err e = sa == NULL ? E_NOMEM : inherit(old, &sa->r);

    if (e == OK)
        e = keymat_ike_rekey(old->suite.prf, &old->sk_d, f->suite, f->shared, f->ni, f->nr,
                             f->spi_i, f->spi_r, &k);
    if (e != OK) {
        ike_sa_free(sa);
        return e;
    }
    sa->r.role = (uint8_t)f->role;
    sa->r.spi_i = f->spi_i;
    sa->r.spi_r = f->spi_r;
    sa->r.created_ms = x->wall_ms;
    sa->r.suite = (struct rec_suite){ f->suite->encr, f->suite->encr_key_bits, f->suite->integ,
                                      f->suite->prf, f->suite->dh };
    sa->r.sk_d = k.sk_d;
    sa->r.sk_ai = k.sk_ai;
    sa->r.sk_ar = k.sk_ar;
    sa->r.sk_ei = k.sk_ei;
    sa->r.sk_er = k.sk_er;
    ike_keys_wipe(&k);
    sa->slot = x->sa->slot;
    sa->last_in_ms = sa->last_out_ms = x->mono_ms;
    ike_sa_set_state(sa, SS_ESTABLISHED, x->env);
    ike_sa_lifetimes(x, sa, exchange_conn(x, x->sa));
    *ret = sa;
    return OK;
}

void rekey_ike_link(struct ike_sa *old, struct ike_sa *by)
{
    old->r.replaced_by = session_own_spi(&by->r);
    by->r.replaced_by = 0;
}

static void replace(struct exchange *x, struct ike_sa *old, struct ike_sa *by)
{
    rekey_ike_move_children(old, by);
    ike_sa_set_state(old, SS_REKEYED, x->env);
    rekey_ike_link(old, by);
}

/* Of two new SAs the one that goes: it never carried anything, so nobody is told when it does. */
static void redundant(struct exchange *x, struct ike_sa *sa, const struct ike_sa *winner)
{
    ike_sa_set_state(sa, SS_REKEYED, x->env);
    sa->r.replaced_by = session_own_spi(&winner->r);
}

enum err rekey_ike_rival(const struct exchange *x, struct ike_sa **ret)
{
    struct collision met;
    struct ike_sa *sa;

    *ret = NULL;
    if (!collision_get(&x->sa->r, RQ_REKEY_IKE, &met))
        return OK;
    sa = x->ops->find_ike(x->host, met.spi);
    if (sa == NULL)
        return E_TEMPORARY;
    if (sa->r.state == SS_ESTABLISHED)
        *ret = sa; /* else the peer, having lost, has deleted it already */
    return OK;
}

/* ---- responder ---- */

/* RFC 7296 2.25.2: a rekey of the IKE SA waits while Child SAs of it are being made or ended by us.
 */
static bool children_busy(const struct ike_sa *sa)
{
    uint8_t k = sa->r.request.kind;
    struct collision met;

    if (k == RQ_CREATE_CHILD || k == RQ_REKEY_CHILD || k == RQ_DELETE_CHILD || k == RQ_DELETE_IKE)
        return true;
    for (unsigned i = 0; i < sa->r.n_children; i++)
        if (sa->r.children[i].state == CS_DELETING)
            return true;
    return sa->r.state != SS_ESTABLISHED || collision_get(&sa->r, RQ_REKEY_IKE, &met);
}

static enum err answer(struct exchange *x, const struct ike_choice *ch, const struct dh *dh,
                       uint64_t spi_r, struct span nr)
{
    uint8_t spi_buf[IKE_SPI_LEN];
    struct pl_sa sa;
    struct msg *m = exchange_build(x);

    proposal_answer_ike(ch, spi_r, spi_buf, &sa);
    msg_add_sa(m, &sa);
    msg_add_nonce(m, nr);
    msg_add_ke(m, ch->suite.dh, dh_public(dh));
    return exchange_finish(x);
}

enum err rekey_ike_request(struct exchange *x)
{
    const struct policy_conn *c = exchange_conn(x, x->sa);
    uint8_t nr[NONCE_LEN], group[2];
    struct fresh f = { .role = ROLE_RESPONDER };
    struct dh_shared shared = { 0 };
    struct dh *dh = NULL;
    struct ike_choice ch;
    struct ike_sa *made = NULL;
    struct pl_sa sa;
    struct pl_ke ke;
    struct span ni;
    enum err e;

    TRY(pl_sa_parse(rd_of(payload_first(x->inner, PL_SA)->body), &sa));
    TRY(pl_nonce_parse(rd_of(payload_first(x->inner, PL_NONCE)->body), &ni));
    TRY(pl_ke_parse(rd_of(payload_first(x->inner, PL_KE)->body), &ke));
    if (children_busy(x->sa))
        return exchange_refuse(x, N_TEMPORARY_FAILURE, SPAN_NONE);
    if (c == NULL || proposal_choose_ike(&sa, c->suites, c->n_suites, true, &ch) != OK)
        return exchange_refuse(x, N_NO_PROPOSAL_CHOSEN, SPAN_NONE);
    if (proposal_check_ke(ch.suite.dh, true, ke.group) != OK) {
        group[0] = (uint8_t)(ch.suite.dh >> 8);
        group[1] = (uint8_t)ch.suite.dh;
        return exchange_refuse(x, N_INVALID_KE_PAYLOAD, span_of(group, 2));
    }
    env_random(x->env, nr, sizeof nr);
    f.spi_i = ch.spi;
    f.spi_r = x->ops->new_ike_spi(x->host, x->sa->slot);
    f.suite = &ch.suite;
    f.shared = &shared;
    f.ni = ni;
    f.nr = span_of(nr, sizeof nr);
    e = f.spi_r == 0 ? E_LIMIT : dh_new(x->env, ch.suite.dh, &dh);
    if (e == OK)
        e = dh_compute(dh, ke.data, &shared);
    if (e == OK)
        e = answer(x, &ch, dh, f.spi_r, f.nr);
    if (e == OK)
        e = make_sa(x, &f, &made);
    dh_free(dh);
    dh_shared_wipe(&shared);
    if (e != OK)
        return e;
    x->out.created = made;
    x->out.commit = true;
    if (x->sa->r.request.kind == RQ_REKEY_IKE) {
        /* Both at once: settled when the answer to ours comes. */
        e = collision_keep(&x->sa->r, RQ_REKEY_IKE, f.spi_r, nonce_lower(ni, f.nr));
        if (e == OK) {
            made->r.replaced_by = session_own_spi(&x->sa->r); /* until it is known to go on */
            return OK;
        }
        x->out.created = ike_sa_free(made);
        x->out.commit = x->out.answer = false;
        return e;
    }
    replace(x, x->sa, made);
    return OK;
}

/* ---- requester ---- */

static enum err begin(struct exchange *x)
{
    const struct policy_conn *c = exchange_conn(x, x->sa);
    struct rec_request q = { .kind = RQ_REKEY_IKE };
    uint8_t nonce[NONCE_LEN], spi_buf[IKE_SPI_LEN];
    struct dh *dh = NULL;
    struct pl_sa sa;
    struct msg *m;
    enum err e;

    if (c == NULL)
        return E_CONFIG;
    q.new_ike_spi = x->ops->new_ike_spi(x->host, x->sa->slot);
    if (q.new_ike_spi == 0)
        return E_LIMIT;
    q.dh = x->sa->dh_group != 0 ? x->sa->dh_group : c->suites[0].dh;
    env_random(x->env, nonce, sizeof nonce);
    m = exchange_build(x);
    e = dh_new(x->env, q.dh, &dh);
    if (e == OK)
        e = proposal_offer_ike(c->suites, c->n_suites, q.new_ike_spi, spi_buf, &sa);
    if (e == OK) {
        msg_add_sa(m, &sa);
        msg_add_nonce(m, span_of(nonce, sizeof nonce));
        msg_add_ke(m, q.dh, dh_public(dh));
        e = exchange_finish(x);
    }
    if (e == OK)
        e = bytes_copy(span_of(nonce, sizeof nonce), &q.nonce);
    if (e == OK)
        e = bytes_copy(secret_expose(dh_private(dh)), &q.dh_private);
    dh_free(dh);
    if (e != OK) {
        bytes_free(&q.nonce);
        return e;
    }
    x->sa->r.request = q;
    collision_clear(&x->sa->r);
    x->out.commit = true;
    return OK;
}

/* Stored, so that a node that takes over asks again as well. */
static void ask_again(struct exchange *x, uint64_t after_ms)
{
    x->sa->want_rekey = false;
    x->sa->rekey_after_ms = x->mono_ms + after_ms;
    x->sa->r.rekey_at_ms = x->wall_ms + after_ms;
}

enum err rekey_ike_begin(struct exchange *x)
{
    enum err e = begin(x);

    if (e != OK) { /* the caller has taken the wish away: without this it would never come back */
        ask_again(x, GIVE_UP_MS);
        x->sa->dirty = true;
    }
    return e;
}

/* The peer wants another group of ours: at once, but not for ever. */
static bool other_group(const struct exchange *x, const struct pl_notify *n)
{
    const struct policy_conn *c = exchange_conn(x, x->sa);
    uint16_t group;

    if (n->type != N_INVALID_KE_PAYLOAD || notify_ke_group(n, &group) != OK ||
        group == x->sa->r.request.dh || c == NULL ||
        !proposal_offers_group_ike(c->suites, c->n_suites, group) || x->sa->dh_tries >= 2)
        return false;
    x->sa->dh_tries++;
    x->sa->dh_group = group;
    return true;
}

/* Ours was refused: after a collision the peer's SA is the successor. */
static enum err refused(struct exchange *x, const struct pl_notify *n)
{
    struct ike_sa *rival;

    TRY(rekey_ike_rival(x, &rival));
    LOG(x->env, LOG_INFO, "ike-rekey-refused", F_SPI("spi_r", x->sa->r.spi_r),
        F_STR("notify", notify_name(n->type)));
    x->out.request_done = x->out.commit = true;
    collision_clear(&x->sa->r);
    if (rival != NULL) {
        replace(x, x->sa, rival);
        x->out.also = rival;
        return OK;
    }
    ask_again(x, n->type == N_TEMPORARY_FAILURE ? BACK_OFF_MS + env_uniform(x->env, BACK_OFF_MS)
                                                : GIVE_UP_MS);
    if (other_group(x, n)) {
        x->sa->want_rekey = true;
        x->sa->rekey_after_ms = 0;
    }
    return OK;
}

static enum err take_answer(struct exchange *x, struct ike_sa **ret, struct span *ret_lowest)
{
    struct rec_request *q = &x->sa->r.request;
    const struct policy_conn *c = exchange_conn(x, x->sa);
    struct fresh f = { .role = ROLE_INITIATOR, .spi_i = q->new_ike_spi };
    struct dh_shared shared = { 0 };
    struct secret priv = { 0 };
    struct ike_choice ch;
    struct dh *dh = NULL;
    struct pl_sa sa;
    struct pl_ke ke;
    enum err e;

    if (c == NULL || payload_first(x->inner, PL_NONCE) == NULL ||
        payload_first(x->inner, PL_KE) == NULL)
        return E_NOT_ALLOWED;
    TRY(pl_sa_parse(rd_of(payload_first(x->inner, PL_SA)->body), &sa));
    TRY(pl_nonce_parse(rd_of(payload_first(x->inner, PL_NONCE)->body), &f.nr));
    TRY(pl_ke_parse(rd_of(payload_first(x->inner, PL_KE)->body), &ke));
    TRY(proposal_accept_ike(&sa, c->suites, c->n_suites, true, &ch));
    if (ke.group != ch.suite.dh || ke.group != q->dh)
        return E_INVALID_KE;
    TRY(secret_set(&priv, span_bytes(q->dh_private)));
    f.spi_r = ch.spi;
    f.suite = &ch.suite;
    f.shared = &shared;
    f.ni = span_bytes(q->nonce);
    e = dh_from_private(q->dh, &priv, &dh);
    secret_wipe(&priv);
    if (e == OK)
        e = dh_compute(dh, ke.data, &shared);
    if (e == OK)
        e = make_sa(x, &f, ret);
    dh_free(dh);
    dh_shared_wipe(&shared);
    *ret_lowest = nonce_lower(f.ni, f.nr);
    return e;
}

enum err rekey_ike_response(struct exchange *x)
{
    struct ike_sa *made = NULL, *rival;
    struct span lowest = SPAN_NONE;
    struct collision met;
    struct pl_notify n;
    enum err e;

    TRY(pl_notify_check(x->inner));
    if (payload_first(x->inner, PL_SA) == NULL)
        return notify_find_error(x->inner, &n) ? refused(x, &n) : E_NOT_ALLOWED;
    TRY(rekey_ike_rival(x, &rival));
    e = take_answer(x, &made, &lowest);
    x->out.request_done = x->out.commit = true;
    if (e != OK) {
        LOG(x->env, LOG_ERROR, "ike-rekey-unusable", F_ERR("error", e));
        x->sa->want_delete = true;
        return OK;
    }
    x->out.created = made;
    if (rival != NULL && collision_get(&x->sa->r, RQ_REKEY_IKE, &met) &&
        nonce_cmp(lowest, met.lowest) < 0) {
        /* Ours has the lowest nonce: we close it, and the peer deletes the old one. */
        replace(x, x->sa, rival);
        redundant(x, made, rival);
        made->want_delete = true;
    } else {
        if (rival != NULL)
            redundant(x, rival, made); /* the peer made it and deletes it */
        replace(x, x->sa, made);
        x->sa->want_delete = true;
    }
    x->out.also = rival;
    collision_clear(&x->sa->r);
    if (x->sa->event_id != 0)
        exchange_event(x, OUT_IKE_UP, 0, OK); /* an operator asked for this rekey and waits */
    return OK;
}
