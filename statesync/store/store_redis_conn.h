/* store_redis_conn: one connection to Redis: resolve, connect, bytes out, reply trees in.
 *
 * Knows nothing of operations. Lives from redis_conn_open to redis_conn_close, whose memory goes
 * when libuv has released the handle. */
#pragma once

#include <uv.h>

#include "statesync/base/wr.h"

struct redis_conn;
struct redisReply;

struct redis_endpoint {
    char host[256];
    char port[8];
    char path[108]; /* not empty: UNIX socket */
};

/* From the loop only, never from within the functions below. After failed nothing follows; the
 * owner still calls redis_conn_close. why: static or libuv text, "connection refused". */
struct redis_conn_events {
    void (*opened)(void *ctx);
    void (*reply)(void *ctx, const struct redisReply *reply); /* reply lives during the call */
    void (*failed)(void *ctx, const char *why);
};

/* Starts. attempt chooses among the addresses of a name, so that the next attempt takes the next
 * one. events and ctx are borrowed. */
MUST_USE enum err redis_conn_open(uv_loop_t *loop, const struct redis_endpoint *at,
                                  unsigned attempt, const struct redis_conn_events *events,
                                  void *ctx, struct redis_conn **ret_c);

/* No more events; NULL is fine. Returns NULL. */
struct redis_conn *redis_conn_close(struct redis_conn *c);

/* Where to append what shall be written; NULL while an earlier write waits for the socket. */
struct wr *redis_conn_out(struct redis_conn *c);

/* Writes what was appended: at once as far as the socket takes it, the rest when it can. E_IO: the
 * connection is unusable, to be closed by the caller. */
MUST_USE enum err redis_conn_flush(struct redis_conn *c);

/* As redis_conn_flush; the buffer held a secret and is wiped as soon as it is written. */
MUST_USE enum err redis_conn_flush_secret(struct redis_conn *c);

/* Octets received so far: tells a slow server from a silent one. */
uint64_t redis_conn_received(const struct redis_conn *c);
