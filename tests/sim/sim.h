/* sim: a whole cluster in one process, decided by one seed.
 *
 * Hosts (cluster nodes and clients) run the shipped struct node over three stand-ins: a network
 * that delays, loses, doubles and reorders; a store that answers late, never, or from the past; and
 * dp_record, which moves numbers instead of bytes. Everything that happens is an event in one queue
 * ordered by virtual time; the same seed gives the same run. Checkers look after every event
 * (tests/sim/checks.c).
 *
 * A client is a node of its own (single, embedded memory store), so both roles are the product's
 * code. */
#pragma once

#include "node/core/node.h"
#include <stdio.h>

#include "node/dataplane/dp_record.h"
#include "statesync/record/session_record.h"
#include "statesync/store/store_memory.h"

enum { SIM_NODES = 4, SIM_CLIENTS = 6, SIM_SLOTS = 16, SIM_POP = 1, SIM_CLIENT_POP = 63 };

enum event_kind {
    EVT_UDP,
    EVT_ESP,
    EVT_PEER,
    EVT_STORE_EXEC,
    EVT_STORE_REPLY,
    EVT_TICK,
    EVT_SCRIPT,
    EVT_INNER
};

struct event {
    uint64_t at_us;
    uint64_t order;
    enum event_kind kind;
    int host;                      /* receiver; script: index */
    struct endpoint local, remote; /* as the receiver sees them */
    struct bytes data;
    struct dp_packet esp;
    struct memop *op;
};

struct host {
    struct sim *sim;
    int index;
    bool client, up, paused;
    uint16_t node_id; /* cluster nodes */
    struct node *node;
    struct store *store;
    struct memstore *own_store; /* clients */
    struct dataplane *dp;
    struct keyring *keyring;
    struct env env;
    struct actions acts;
    struct dp_event *dpq; /* data plane events waiting, with copies of their packets */
    size_t n_dpq, cap_dpq;
    uint64_t tick_us; /* scheduled tick */
    uint32_t boot;
    bool inside;
    uint64_t takeovers_seen;
    uint64_t life; /* rises at each start: older events are for a dead process */
    /* client */
    uint16_t nat_port; /* outside port of our 500; +1 for 4500 */
    int via;           /* node that ECMP sends this client's packets to */
    bool wanted, was_up, lost;
    unsigned ups, downs, failures;
    uint64_t own_spi; /* of the current session as the client sees it */
};

struct rng {
    uint64_t s[4];
};

struct sim {
    struct rng rng;
    uint64_t seed;
    uint64_t now_us, order;
    struct event *heap;
    size_t n_heap, cap_heap;
    struct host hosts[SIM_NODES + SIM_CLIENTS]; /* nodes first */
    int n_nodes, n_clients;
    struct memstore *store;
    struct memstore *snapshot;
    struct policy server_policy, client_policy;
    uint64_t breaks;
    bool verbose;
    uint64_t trace; /* running hash of everything that happened */

    /* faults in force */
    unsigned loss_permille, dup_permille, jitter_us;
    unsigned store_lose_permille;
    bool store_down;
    bool cut[SIM_NODES][SIM_NODES];
    uint64_t faults_end_us, end_us;

    /* what the faults excuse */
    uint64_t loss_us[256]; /* when an owner was lost or could not store: bounds INV-REPLAY */
    unsigned n_losses;
    unsigned owner_losses;     /* kills, pauses: bounds INV-REPLAY */
    bool store_lost_writes;    /* an incarnation that lost acknowledged writes */
    bool store_and_owner_lost; /* both at once: sessions may be suspect */

    struct checks *checks;
    char violation[512]; /* first one; "" none */
    unsigned exchanges, packets, kills;
};

/* One run. Returns 0 and fills nothing, or 1 with s->violation set. */
struct sim_options {
    uint64_t seed;
    uint64_t breaks;
    bool verbose;
};
struct sim_result {
    bool violated;
    char violation[512];
    uint64_t trace;
    unsigned exchanges, packets, kills, established;
    uint64_t events;
};
void sim_run(const struct sim_options *o, struct sim_result *ret);

/* sim_rng.c */
void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_next(struct rng *r);
uint64_t rng_below(struct rng *r, uint64_t bound);
bool rng_permille(struct rng *r, unsigned permille);
/* OpenSSL's generator follows the seed as well from here on. */
void rng_take_openssl(struct rng *r);

/* sim_net.c */
void queue_push(struct sim *s, struct event e, uint64_t in_us);
bool queue_pop(struct sim *s, struct event *ret);
void event_done(struct event *e);
void net_udp(struct sim *s, struct host *from, const struct endpoint *local,
             const struct endpoint *remote, struct span data);
void net_peer(struct sim *s, struct host *from, const struct endpoint *remote, struct span data);
void net_esp(struct sim *s, struct host *from, const struct dp_packet *p);
void net_deliver(struct sim *s, struct event *e);
void net_reroute(struct sim *s, bool all);

/* sim_host.c */
void host_start(struct sim *s, struct host *h);
void host_kill(struct sim *s, struct host *h);
void host_done(struct host *h);
void host_run(struct host *h); /* carry out the actions of a step, and what follows from them */
void host_tick(struct host *h);
struct now host_now(const struct host *h);
void host_esp_in(struct host *h, const struct dp_packet *p, bool forwarded);
void host_inner_out(struct host *h, struct span inner, bool forwarded);

/* Something that may keep windows from being stored happens now. */
void sim_loss(struct sim *s);
/* sim_script.c: clients' behaviour, faults, end of the run */
void script_plan(struct sim *s);
void script_step(struct sim *s, const struct event *e);

/* checks.c */
struct checks *checks_new(void);
void checks_free(struct checks *c);
void check_send(struct sim *s, struct host *h, const struct action *a);
void check_esp_sent(struct sim *s, struct host *h, const struct dp_packet *p);
void check_esp_delivered(struct sim *s, struct host *h, const struct dp_packet *p);
void check_commit(struct sim *s, const struct memop *op, const struct store_row *before);
/* A captured packet of a client that was delivered a while ago; false: none. */
bool checks_captured(struct sim *s, struct dp_packet *ret);
void check_event(struct sim *s);
void check_deleted(struct sim *s, const struct session_record *r);
void check_end(struct sim *s);
__attribute__((format(printf, 2, 3))) void violate(struct sim *s, const char *fmt, ...);
__attribute__((format(printf, 2, 3))) void trace(struct sim *s, const char *fmt, ...);
