/* engine: one IKE datagram's way in.
 *
 * Header, session, integrity, message ID, payloads, table, handler, in this order; nothing of the
 * session changes before the integrity check passed. A request that was answered gets its kept
 * reply; one that is being committed is parked. Errors end here: counted by name, logged once. RFC
 * 7296 2.1-2.3, 2.21; RFC 7383 2.6. */
#include "node/core/engine.h"

#include <stdlib.h>
#include <string.h>

#include "node/core/engine_state.h"
#include "node/crypto/cookie.h"
#include "node/exchange/transitions.h"
#include "node/sa/msgid.h"
#include "node/sa/protect.h"
#include "statesync/base/breaks.h"

enum err engine_new(const struct engine_config *cfg, struct engine **ret)
{
    struct engine *e = calloc(1, sizeof *e);
    uint64_t secret;

    if (e == NULL)
        return E_NOMEM;
    e->cfg = *cfg;
    e->env = cfg->env;
    e->policy = cfg->policy;
    e->slots = calloc(cfg->slots, sizeof *e->slots);
    e->room = malloc(EXCHANGE_ROOM);
    e->plain = malloc(LIMIT_MESSAGE);
    e->wire = malloc(LIMIT_MESSAGE);
    e->datagrams = malloc(DATAGRAMS_MAX);
    if (e->slots == NULL || e->room == NULL || e->plain == NULL || e->wire == NULL ||
        e->datagrams == NULL || secret_set(&e->cookie_key, cfg->cluster_key) != OK) {
        engine_free(e);
        return E_NOMEM;
    }
    env_random(e->env, (uint8_t *)&secret, sizeof secret);
    sa_table_init(&e->table, secret);
    e->next_ticket = 1;
    e->retry_ms = UINT64_MAX;
    /* DESIGN: node id:12 | 52-bit value that starts at boot second x 2^20: no earlier process of
     * this node, and no other node, can draw the same. */
    e->iv = (uint64_t)cfg->node << 52 | ((uint64_t)cfg->boot << 20 & (((uint64_t)1 << 52) - 1));
    *ret = e;
    return OK;
}

struct engine *engine_free(struct engine *e)
{
    if (e == NULL)
        return NULL;
    while (e->commits != NULL) {
        struct commit *c = e->commits;

        e->commits = c->next;
        for (unsigned i = 0; i < c->n; i++)
            bytes_free(&c->sealed[i]);
        actions_free(&c->after);
        free(c);
    }
    sa_table_done(&e->table);
    map_done(&e->per_prefix);
    free(e->slots);
    free(e->room);
    if (e->plain != NULL)
        wipe(e->plain, LIMIT_MESSAGE);
    free(e->plain);
    free(e->wire);
    free(e->datagrams);
    wipe(e, sizeof *e);
    free(e);
    return NULL;
}

void engine_set_policy(struct engine *e, const struct policy *policy)
{
    e->policy = policy;
}

enum err engine_route(struct span packet, struct ike_route *ret)
{
    struct rd r = rd_of(packet);
    struct ike_header h;
    enum err err = ike_header_parse(&r, &h);

    if (err != OK)
        return err;
    ret->first_init = h.exchange == EX_IKE_SA_INIT && h.spi_r == 0 && !ike_is_response(&h) &&
                      ike_from_initiator(&h);
    ret->own_spi = ike_from_initiator(&h) ? h.spi_r : h.spi_i;
    ret->slot = ike_spi_slot(ret->own_spi);
    ret->pop = ike_spi_pop(ret->own_spi);
    return OK;
}

/* What one datagram's way through this file carries along. */
struct step {
    struct now now;
    struct endpoint local, remote;
    struct span packet;
    struct ike_header h;
    struct payload_list clear, inner;
    struct bytes joined; /* content of joined fragments; owned */
    struct ike_sa *sa;
};

static void count_drop(struct engine *e, const struct step *s, enum err err)
{
    if ((unsigned)err < sizeof e->stats.dropped / sizeof e->stats.dropped[0])
        e->stats.dropped[err]++;
    LOG(e->env, LOG_DEBUG, "packet-dropped", F_SPI("spi_i", s->h.spi_i), F_SPI("spi_r", s->h.spi_r),
        F_STR("exchange", exchange_name(s->h.exchange)), F_U64("msgid", s->h.msgid),
        F_ERR("error", err));
}

static void prepare(struct engine *e, struct step *s, struct exchange *x)
{
    exchange_init(e, s->now, s->sa, x);
    x->h = &s->h;
    x->message = s->packet;
    x->clear = &s->clear;
    x->inner = &s->inner;
    x->local = s->local;
    x->remote = s->remote;
}

static void park(struct step *s)
{
    struct parked *p;

    if (s->sa->n_parked == LIMIT_PARKED)
        return; /* the peer repeats itself */
    p = &s->sa->parked[s->sa->n_parked];
    p->local = s->local;
    p->remote = s->remote;
    if (bytes_copy(s->packet, &p->packet) == OK)
        s->sa->n_parked++;
}

static enum err handle(struct engine *e, struct step *s, enum trans_role role, struct actions *out)
{
    unsigned state = s->sa == NULL ? SS_NONE : s->sa->r.state;
    struct exchange x;
    const struct transition *t;
    enum err err;

    prepare(e, s, &x);
    t = transition_find(&x, state, role);
    if (t == NULL)
        return E_NOT_ALLOWED;
    err = t->handle(&x);
    if (err == E_TEMPORARY && s->sa != NULL && s->sa->lease_ticket != 0) {
        park(s); /* an address lease is on its way; its answer brings the message again */
        return OK;
    }
    if (err == OK)
        run_outcome(e, s->now, &x, out);
    else if (role == TR_REQUEST && s->sa != NULL && err_class(err) == ERR_INPUT &&
             ike_sa_usable(s->sa) && exchange_refuse(&x, N_INVALID_SYNTAX, SPAN_NONE) == OK)
        run_outcome(e, s->now, &x, out); /* RFC 7296 2.21.3: authenticated, yet malformed */
    wipe(e->room, 4096);
    return err;
}

/* ---- IKE_SA_INIT ---- */

static void send_clear_notify(struct engine *e, struct step *s, uint16_t notify, struct span data,
                              struct actions *out)
{
    struct ike_header h = ike_header_make(s->h.spi_i, 0, s->h.exchange, false, true, s->h.msgid);
    struct msg m;
    struct span message, copy;
    struct action *a;

    msg_begin(&m, e->room, EXCHANGE_ROOM, &h);
    msg_add_notify(&m, notify, data);
    if (msg_finish(&m, &message) != OK)
        return;
    copy = actions_copy(out, message);
    a = actions_add(out, ACT_SEND);
    a->local = s->local;
    a->remote = s->remote;
    a->encap = s->local.port == 4500;
    a->data = copy;
}

static enum err first_init(struct engine *e, struct step *s, struct actions *out)
{
    struct ike_sa *known = sa_table_find_init(&e->table, &s->remote, s->h.spi_i);
    uint8_t cookie[COOKIE_LEN];
    struct span nonce;

    if (known != NULL) {
        /* RFC 7296 2.1: a repeated first message gets the same answer; until that is stored, none.
         */
        if (known->commit == NULL && span_eq(span_bytes(known->r.init_request), s->packet)) {
            e->stats.retransmits_answered++;
            send_datagrams_to(e, &s->local, &s->remote, span_bytes(known->r.reply), out);
            return OK;
        }
        return E_REPLAY;
    }
    if (s->h.msgid != 0 || s->h.spi_i == 0)
        return E_BAD_VALUE;
    if (s->packet.len > LIMIT_INIT) /* it is kept until AUTH, and a record has an end */
        return E_LIMIT;
    if (e->away)
        return E_STORE_DOWN;
    if (payload_first(&s->clear, PL_NONCE) == NULL)
        return E_NOT_ALLOWED;
    switch (admission_check(e, s->now, &s->remote, s->h.spi_i, &s->clear)) {
    case ADMIT_NO:
        return E_LIMIT;
    case ADMIT_COOKIE:
        TRY(pl_nonce_parse(rd_of(payload_first(&s->clear, PL_NONCE)->body), &nonce));
        TRY(cookie_make(&e->cookie_key, s->now.wall_ms / 1000, nonce, &s->remote.addr, s->h.spi_i,
                        cookie));
        e->stats.cookies_sent++;
        send_clear_notify(e, s, N_COOKIE, span_of(cookie, sizeof cookie), out);
        return OK;
    case ADMIT_YES:
        break;
    }
    return handle(e, s, TR_REQUEST, out);
}

static enum err init_response(struct engine *e, struct step *s, struct actions *out)
{
    s->sa = sa_table_find(&e->table, s->h.spi_i);
    if (s->sa == NULL)
        return E_NOT_FOUND;
    if (s->h.msgid != 0 || s->sa->commit != NULL)
        return E_NOT_ALLOWED;
    if (s->packet.len > LIMIT_INIT)
        return E_LIMIT;
    return handle(e, s, TR_RESPONSE, out);
}

/* ---- protected messages ---- */

static enum err open_fragment(struct engine *e, struct step *s, const struct protect_keys *k,
                              const struct payload *skf, bool *ret_complete, uint16_t *ret_number)
{
    struct frag_part part = { .msgid = s->h.msgid,
                              .exchange = s->h.exchange,
                              .first = s->clear.inner_first };
    enum frag_result result;
    uint8_t first;

    TRY(protect_open_fragment(k, s->packet, skf, e->plain, LIMIT_MESSAGE, &part.number, &part.total,
                              &part.content));
    *ret_number = part.number;
    *ret_complete = false;
    if (s->sa->frag == NULL) {
        s->sa->frag = calloc(1, sizeof *s->sa->frag);
        if (s->sa->frag == NULL)
            return E_NOMEM;
        frag_init(s->sa->frag);
    }
    TRY(frag_feed(s->sa->frag, &part, &result, &s->joined, &first));
    if (result == FRAG_MORE)
        return OK;
    frag_done(s->sa->frag);
    free(s->sa->frag);
    s->sa->frag = NULL;
    s->clear.inner_first = first;
    *ret_complete = true;
    return OK;
}

/* The message is authentic from here on. */
static enum err open_message(struct engine *e, struct step *s, struct span *ret_content,
                             bool *ret_complete, uint16_t *ret_number)
{
    const struct session_record *r = &s->sa->r;
    struct ike_suite suite = ike_sa_suite(r);
    bool from_i = ike_from_initiator(&s->h);
    struct protect_keys k = { &suite, from_i ? &r->sk_ei : &r->sk_er,
                              from_i ? &r->sk_ai : &r->sk_ar };
    const struct payload *sk = payload_first(&s->clear, PL_SK);

    *ret_complete = true;
    *ret_number = 1;
    if (sk != NULL)
        return protect_open(&k, s->packet, sk, e->plain, LIMIT_MESSAGE, ret_content);
    sk = payload_first(&s->clear, PL_SKF);
    if (sk == NULL)
        return E_NOT_ALLOWED;
    TRY(open_fragment(e, s, &k, sk, ret_complete, ret_number));
    *ret_content = span_bytes(s->joined);
    return OK;
}

/* A peer behind a NAT speaks from a new address: an authentic message that is new says so. */
static void follow_peer(struct step *s)
{
    struct session_record *r = &s->sa->r;

    if (endpoint_eq(&r->remote, &s->remote) && endpoint_eq(&r->local, &s->local))
        return;
    if (r->state == SS_HALF_OPEN || r->state == SS_AUTHENTICATING) {
        /* RFC 7296 2.23: IKE_AUTH floats to port 4500. */
        r->remote = s->remote;
        r->local = s->local;
        return;
    }
    if (r->nat_remote && ip_eq(&r->local.addr, &s->local.addr) && s->local.port == r->local.port)
        r->remote = s->remote;
}

static void move_children(struct step *s, struct actions *out)
{
    struct session_record *r = &s->sa->r;

    for (unsigned i = 0; i < r->n_children; i++) {
        struct action *a = actions_add(out, ACT_DP_MOVE);

        a->spi_in = r->children[i].spi_in;
        a->local = r->local;
        a->remote = r->remote;
        a->encap = r->udp_encap;
    }
}

static enum err answered_before(struct engine *e, struct step *s, uint16_t number,
                                struct actions *out)
{
    const struct session_record *r = &s->sa->r;

    /* RFC 7383 2.6.1: only the first fragment of a repeated request brings the reply again. */
    if (number != 1 || r->reply_msgid != s->h.msgid || r->reply.len == 0)
        return E_REPLAY;
    e->stats.retransmits_answered++;
    send_datagrams_to(e, &s->local, &s->remote, span_bytes(r->reply), out);
    return OK;
}

static enum err take_request(struct engine *e, struct step *s, struct actions *out)
{
    struct endpoint before = s->sa->r.remote;
    enum err err;

    follow_peer(s);
    err = handle(e, s, TR_REQUEST, out);
    s->sa = sa_table_find(&e->table, ike_from_initiator(&s->h) ? s->h.spi_r : s->h.spi_i);
    if (s->sa != NULL && s->sa->r.n_children > 0 && !endpoint_eq(&before, &s->sa->r.remote)) {
        move_children(s, out);
        commit_dirty(e, s->now, s->sa, out);
    }
    return err;
}

static enum err judge(struct engine *e, struct step *s, struct span content, uint16_t number,
                      bool complete, struct actions *out)
{
    struct session_record *r = &s->sa->r;
    uint8_t critical = 0;
    enum err err;

    s->sa->last_in_ms = s->now.mono_ms;
    if (ike_is_response(&s->h)) {
        if (msgid_response(r->send_next, r->request.kind != RQ_NONE, s->h.msgid) !=
            MSGID_REPLY_OURS)
            return E_REPLAY;
    } else {
        switch (msgid_request(r->recv_next, s->h.msgid)) {
        case MSGID_NEW:
        case MSGID_AHEAD:
            break;
        case MSGID_RETRANSMIT:
            if (BREAK(e->env, REBUILD_REPLY) && complete)
                break;
            return answered_before(e, s, number, out);
        default:
            return E_REPLAY;
        }
    }
    if (!complete)
        return OK;
    err = payload_chain_inner(s->clear.inner_first, content, &s->inner, &critical);
    if (err == E_CRITICAL_PAYLOAD && !ike_is_response(&s->h)) {
        struct exchange x;

        prepare(e, s, &x);
        if (exchange_refuse(&x, N_UNSUPPORTED_CRITICAL_PAYLOAD, span_of(&critical, 1)) == OK)
            run_outcome(e, s->now, &x, out);
        return err;
    }
    if (err != OK)
        return err;
    return ike_is_response(&s->h) ? handle(e, s, TR_RESPONSE, out) : take_request(e, s, out);
}

static enum err protected_message(struct engine *e, struct step *s, struct actions *out)
{
    struct span content = SPAN_NONE;
    uint16_t number = 1;
    bool complete = true;
    uint64_t spi = ike_from_initiator(&s->h) ? s->h.spi_r : s->h.spi_i;
    struct ike_sa *sa = sa_table_find(&e->table, spi);
    enum err err;

    if (sa == NULL)
        return E_NOT_FOUND;
    s->sa = sa;
    /* Our own SPI is right; the peer's must be, and the Initiator flag must fit our role. */
    if (s->h.spi_i != sa->r.spi_i || (sa->r.spi_r != 0 && s->h.spi_r != sa->r.spi_r) ||
        ike_from_initiator(&s->h) == ike_sa_is_initiator(sa) || sa->r.sk_ei.len == 0)
        return E_BAD_VALUE;
    if (sa->releasing || slot_of(e, sa)->suspended)
        return E_TEMPORARY;
    if (sa->commit != NULL) {
        park(s);
        return OK;
    }
    err = open_message(e, s, &content, &complete, &number);
    if (err == OK)
        err = judge(e, s, content, number, complete, out);
    wipe(e->plain, s->packet.len);
    bytes_wipe_free(&s->joined);
    /* The session may be gone by now. */
    sa = sa_table_find(&e->table, spi);
    if (sa != NULL) {
        run_next_task(e, s->now, sa, out);
        reschedule(e, s->now, sa);
    }
    return err;
}

void engine_packet(struct engine *e, struct now now, const struct endpoint *local,
                   const struct endpoint *remote, struct span packet, struct actions *out)
{
    struct step s = { .now = now, .local = *local, .remote = *remote, .packet = packet };
    struct rd r = rd_of(packet);
    uint8_t critical;
    enum err err;

    e->stats.packets_in++;
    e->lease_out = out;
    err = ike_header_parse(&r, &s.h);
    if (err == E_BAD_VERSION && !ike_is_response(&s.h))
        send_clear_notify(e, &s, N_INVALID_MAJOR_VERSION, SPAN_NONE, out);
    if (err == OK)
        err = payload_chain_clear(s.h.next_payload, rd_rest(&r), &s.clear, &critical);
    if (err == OK) {
        if (s.h.exchange != EX_IKE_SA_INIT)
            err = protected_message(e, &s, out);
        else if (ike_is_response(&s.h))
            err = ike_from_initiator(&s.h) ? E_BAD_VALUE : init_response(e, &s, out);
        else
            err = s.h.spi_r == 0 && ike_from_initiator(&s.h) ? first_init(e, &s, out) : E_BAD_VALUE;
    }
    if (err != OK)
        count_drop(e, &s, err);
}

void engine_store_away(struct engine *e, bool away)
{
    e->away = away;
}
