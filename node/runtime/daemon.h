/* daemon: one ikestrad process: a struct node on a libuv loop with its sockets, store and data
 * plane.
 *
 * Thin: every callback copies out of the system's types, calls one node_* function and runs the
 * actions (actions_run.c). One loop, one thread. */
#pragma once

#include <uv.h>

#include "node/config/config.h"
#include "node/control/control_server.h"
#include "node/core/node.h"
#include "node/dataplane/dp_tun.h"
#include "node/dataplane/udp_batch.h"
#include "statesync/store/store_memory.h"

enum { DAEMON_ERROR = 512 };

/* A data plane event that came while actions were being run. */
struct queued_event {
    struct dp_event event;
    struct bytes packet;
};

struct daemon {
    uv_loop_t loop;
    struct config *cfg;
    struct env env;
    struct keyring *keyring;
    struct node *node;
    struct actions acts;
    bool running; /* inside daemon_run: nothing re-enters the node */
    uint64_t started_wall_ms;

    uv_timer_t timer;
    uint64_t timer_ms;

    struct store *store;
    struct memstore *memory;
    uv_idle_t memory_idle;
    struct store_state store_state;

    struct dataplane *dp;
    struct queued_event *queue;
    size_t n_queue, cap_queue;

    struct udp_sock ike4, ike6, cluster;
    uv_poll_t ike4_poll, ike6_poll, cluster_poll;
    struct udp_recv *recv;

    struct control_server *control;
    uv_signal_t term, intr;
    uv_timer_t leave_timer;
    bool leaving, was_ready, initiated;
    int log_fd;
    uint8_t cluster_key[32];
};

/* Everything up to a running loop. On failure error is one line that says what to do. */
MUST_USE enum err daemon_start(struct daemon *d, struct config *cfg, char error[DAEMON_ERROR]);
/* Until the process leaves. Returns the exit status. */
int daemon_loop(struct daemon *d);
void daemon_free(struct daemon *d);

struct now daemon_now(const struct daemon *d);
/* Runs what the last step asked for, and everything that follows from it. */
void daemon_run(struct daemon *d);

/* store_io.c */
MUST_USE enum err store_io_start(struct daemon *d, char error[DAEMON_ERROR]);
/* dataplane_io.c */
MUST_USE enum err dataplane_io_start(struct daemon *d, char error[DAEMON_ERROR]);
/* Next queued event; false: none. The caller frees packet. */
bool dataplane_io_next(struct daemon *d, struct queued_event *ret);
/* udp_io.c: IKE on port 500, and the cluster socket. */
MUST_USE enum err udp_io_start(struct daemon *d, char error[DAEMON_ERROR]);
void udp_io_send(struct daemon *d, const struct action *a);
void udp_io_send_peer(struct daemon *d, const struct action *a);
void udp_io_stop(struct daemon *d);
/* actions_run.c */
void actions_run(struct daemon *d, const struct action *a);
/* routes.c: fail-closed routes before anything is announced; routes of Child SAs. INV-CLEAR. */
MUST_USE enum err routes_start(struct daemon *d, char error[DAEMON_ERROR]);
void routes_child_up(struct daemon *d, const struct action *a);
/* boot_second.c: above the last one in the state file, and written there before use. */
MUST_USE enum err boot_second(const char *state_file, uint64_t wall_ms, uint32_t *ret,
                              char error[DAEMON_ERROR]);
/* log_sink.c */
void log_sink(void *ctx, enum log_level level, const char *event, const struct log_field *fields);
