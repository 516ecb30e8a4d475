/* ike-load: our initiator core against any IKEv2 responder, many sessions from one address.
 *
 *   options  the command line                host   the shipped node: sockets, store, data plane
 *   policy   one connection per identity     run    when sessions start and end, and their latency
 *   report   the figures, and /proc of the responder
 *
 * The initiator is struct node with a memory store and a data plane that moves no bytes
 * (dp_record): what is measured is IKE. Sessions have no ESP traffic. */
#pragma once

#include "node/core/node.h"
#include "node/dataplane/dp_record.h"
#include "node/dataplane/udp_batch.h"
#include "statesync/store/store_memory.h"

struct load_options {
    struct ip_addr local, responder;
    bool cert; /* else PSK */
    const char *psk_file, *cert_file, *key_file, *ca_file;
    const char *id_template; /* one %d: number of the identity */
    const char *remote_id;
    const char *suite, *esp, *remote_ts;
    uint32_t sessions, concurrency;
    uint32_t identities; /* 0: one per session, at most 4096 */
    uint32_t rekey_child_s, rekey_ike_s, dpd_s, hold_s, limit_s;
    bool delete_all, churn, encap, vip, json, verbose;
    int pid; /* of the responder; 0: not measured */
};

/* False: a line on stderr says what is wrong. */
bool load_options_read(int argc, char **argv, struct load_options *ret);

/* Connections c0, c1, ... one per identity. False: a line on stderr. Ended by load_policy_done. */
bool load_policy_make(const struct load_options *o, struct policy *ret);
void load_policy_done(struct policy *p);

/* CPU seconds and resident octets of a process; zeroes when it cannot be read. */
struct load_usage {
    double cpu_s;
    uint64_t rss;
};
struct load_usage load_usage_of(int pid);

struct load_counts {
    uint32_t *latency_us; /* one per session that came up, n of them */
    size_t n;
    uint64_t started, failed, down;
    double up_s; /* from the first start to the last session up */
    struct load_usage before, after;
};
void load_report(const struct load_options *o, struct load_counts *c,
                 const struct engine_stats *st);

struct load_host {
    struct env env;
    struct policy *policy;
    struct keyring *keyring;
    struct memstore *data;
    struct store *store;
    struct dataplane *dp;
    struct node *node;
    struct actions acts;
    struct dp_event *dpq; /* raised while actions are carried out, told to the node afterwards */
    size_t n_dpq, cap_dpq;
    struct ip_addr local;
    struct udp_sock sock500, sock4500;
    struct udp_recv *recv;
    int epoll;
    bool running; /* host_run does not nest */
    /* A session's event (ACT_EVENT); called while actions are carried out. */
    void (*on_event)(void *ctx, const struct action *a);
    void *ctx;
};

bool host_open(struct load_host *h, const struct load_options *o, struct policy *p);
void host_close(struct load_host *h);
struct now host_now(void);
uint64_t host_now_us(void);
/* Carries out what acts holds until nothing is left to do. */
void host_run(struct load_host *h);
/* Waits for packets or deadlines, at most so many milliseconds, and handles them. */
void host_wait(struct load_host *h, int most_ms);

/* 0: every session came up, 1 otherwise. */
int load_run(const struct load_options *o, struct load_host *h);
