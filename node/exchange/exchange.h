/* exchange: what a handler of one exchange gets, and what it leaves behind.
 *
 * A handler reads parsed payloads, computes on locals, and changes the SA in one block at its end.
 * It sends nothing, stores nothing and installs nothing: it fills struct outcome, and the engine
 * (node/core/engine.c) commits the record and then carries the outcome out, in this order:
 * removals, installs, reply or request, events. A handler that returns an error has changed
 * nothing; the engine then drops the message (input class) or answers with the notify that
 * exchange_notify_of names. */
#pragma once

#include "node/crypto/dh.h"
#include "node/sa/ike_sa.h"
#include "node/wire/message_build.h"
#include "node/wire/payload_chain.h"

/* A Delete may take every Child SA of a session at once. */
enum { OUT_CHILDREN = LIMIT_CHILDREN, OUT_EVENTS = LIMIT_CHILDREN + 2 };

enum out_event_kind { OUT_IKE_UP, OUT_IKE_DOWN, OUT_CHILD_UP, OUT_CHILD_DOWN, OUT_FAILED };

struct out_event {
    enum out_event_kind kind;
    uint32_t spi_in; /* child events */
    enum err err;    /* OUT_FAILED, downs: the cause */
};

struct outcome {
    /* The reply to a request: inner payloads (or clear ones, for IKE_SA_INIT) in x->build, finished
     * with msg_finish into reply. An empty reply with answer set is an empty message. */
    bool answer;
    bool clear;          /* reply is a whole clear message, not SK content */
    uint8_t first;       /* type of the first inner payload */
    struct span content; /* points into x->room */
    /* What the record became must be stored before anything leaves. False: the answer implied no
     * state (an empty INFORMATIONAL, a refusal). */
    bool commit;
    bool
        remove_record; /* the session never was anybody's: its record goes instead of a tombstone */
    struct ike_sa *created; /* a session this exchange made (IKE_SA_INIT, IKE rekey): stored in the
                               same commit, then entered into the table */
    struct ike_sa *also;    /* an existing session that changed along: stored in the same commit */
    uint32_t install[OUT_CHILDREN]; /* inbound SPIs, of x->sa or of created */
    unsigned n_install;
    uint32_t remove[OUT_CHILDREN]; /* inbound SPIs whose SAs leave the data plane; their records are
                                      already gone from r.children */
    unsigned n_remove;
    struct out_event events[OUT_EVENTS];
    unsigned n_events;
    bool request_done; /* a response: our request in flight is answered */
};

struct exchange_ops {
    /* Fresh, unused, in the session's slot. 0: none left. */
    uint32_t (*new_esp_spi)(void *host, uint16_t slot);
    uint64_t (*new_ike_spi)(void *host, uint16_t slot);
    /* A session here by its own SPI, not being committed now; NULL: none. */
    struct ike_sa *(*find_ike)(void *host, uint64_t own_spi);
    /* An inner address of this pool for the session: from the slot's sub-pool, or one it has
     * leased. E_NO_ADDRESS: the pool is empty; E_TEMPORARY: a lease was asked for, the message
     * comes again. */
    enum err (*take_address)(void *host, struct ike_sa *sa, const struct policy_pool *pool,
                             struct ip_addr *ret, bool *ret_leased);
    /* The incarnation that the slot's reservations are stored in. */
    struct incarnation (*incarnation)(void *host, uint16_t slot);
};

enum { EXCHANGE_ROOM = 48 * 1024 };

struct exchange {
    const struct env *env;
    const struct policy *policy;
    const struct exchange_ops *ops;
    void *host;
    uint64_t mono_ms, wall_ms;
    struct ike_sa *sa;
    const struct ike_header *h;       /* NULL: no message, we begin */
    struct span message;              /* whole clear message */
    const struct payload_list *clear; /* payloads outside SK */
    const struct payload_list *inner; /* payloads of SK */
    struct endpoint local, remote;
    uint8_t *room; /* EXCHANGE_ROOM octets to build in; wiped by the engine */
    struct msg build;
    struct outcome out;
};

/* Begin inner content in x->room; close it with exchange_answer (reply) or keep building a request.
 */
struct msg *exchange_build(struct exchange *x);
/* Finishes x->build as the reply's (or request's) SK content. E_LIMIT. */
MUST_USE enum err exchange_finish(struct exchange *x);
/* A refusal that implies no state: one notify, no commit. */
MUST_USE enum err exchange_refuse(struct exchange *x, uint16_t notify, struct span data);
/* Our request in flight is of no interest any more: wiped, not repeated. */
void exchange_drop_request(struct ike_sa *sa);
void exchange_event(struct exchange *x, enum out_event_kind kind, uint32_t spi_in, enum err err);
/* The connection of an SA by r.conn; NULL: gone from the configuration. */
const struct policy_conn *exchange_conn(const struct exchange *x, const struct ike_sa *sa);
const struct policy_child *exchange_child_policy(const struct policy_conn *c, const char *name);

/* Handlers of IKE_SA_INIT and IKE_AUTH. Requests: x->sa is the half-open session, or NULL
 * (ike_sa_init_request, which makes out.created). */
MUST_USE enum err ike_sa_init_request(struct exchange *x);
MUST_USE enum err ike_sa_init_response(struct exchange *x);
MUST_USE enum err ike_auth_request(struct exchange *x);
MUST_USE enum err ike_auth_response(struct exchange *x);
/* Begin: a session of conn, out.created with r.request filled but for datagrams; content is the
 * whole clear IKE_SA_INIT message. cookie may be empty; group 0: that of the first suite. */
MUST_USE enum err ike_sa_init_begin(struct exchange *x, const struct policy_conn *conn,
                                    uint64_t spi_i, uint16_t slot);

/* CREATE_CHILD_SA, its three uses. *_begin build our own request: they fill r.request (kind, new
 * SPIs, dh, nonce, child) but not msgid, datagrams and sent_ms, which the engine does. */
MUST_USE enum err create_child_request(struct exchange *x); /* new Child SA */
MUST_USE enum err rekey_child_request(struct exchange *x);
MUST_USE enum err rekey_ike_request(struct exchange *x);
MUST_USE enum err create_child_response(struct exchange *x); /* new Child SA or its rekey */
MUST_USE enum err rekey_ike_response(struct exchange *x);
MUST_USE enum err create_child_begin(struct exchange *x, const struct policy_child *pc);
MUST_USE enum err rekey_child_begin(struct exchange *x, uint32_t spi_in);
MUST_USE enum err rekey_ike_begin(struct exchange *x);

/* INFORMATIONAL: DPD, Delete, notifies. */
MUST_USE enum err informational_request(struct exchange *x);
MUST_USE enum err informational_response(struct exchange *x);
MUST_USE enum err dpd_begin(struct exchange *x);
MUST_USE enum err delete_child_begin(struct exchange *x, uint32_t spi_in);
MUST_USE enum err delete_ike_begin(struct exchange *x);

/* A new Child SA's record from what was negotiated; shared by IKE_AUTH and CREATE_CHILD_SA.
 * node/exchange/child_make.c. */
struct child_make {
    const struct policy_child *policy;
    struct esp_suite suite;
    uint32_t spi_in, spi_out;
    bool initiator;                 /* of this exchange */
    const struct dh_shared *shared; /* NULL: none */
    struct span ni, nr;
    const struct ts *local, *remote;
    size_t n_local, n_remote;
};
/* Appends to sa->r.children: keys derived, first block reserved (stored by this exchange's commit),
 * lifetimes set with jitter. E_LIMIT, E_CRYPTO, E_NOMEM: nothing appended. */
MUST_USE enum err child_make(struct exchange *x, struct ike_sa *sa, const struct child_make *m);

/* Lifetimes of an IKE SA from its connection: rekey_at with jitter, expire_at. */
void ike_sa_lifetimes(struct exchange *x, struct ike_sa *sa, const struct policy_conn *conn);
