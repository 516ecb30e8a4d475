/* dp_tun_priv: the object behind dp_tun.h; only dp_tun*.c include this. */
#pragma once

#include <uv.h>

#include "node/dataplane/coalesce.h"
#include "node/dataplane/dp_core.h"
#include "node/dataplane/dp_tun.h"
#include "node/dataplane/tun_dev.h"
#include "node/dataplane/udp_batch.h"

enum dp_tun_sock { SOCK_UDP4, SOCK_UDP6, SOCK_RAW4, SOCK_RAW6, SOCK_COUNT };

enum {
    RECV_MSGS = 16,
    ARENA = 512 * 1024,      /* sealed packets waiting for one flush */
    ARENA_FLUSH = 96 * 1024, /* flush when so much waits: it is still in the cache then */
    READS_PER_TURN = 256, /* TUN packets per loop turn, so that the other direction gets its turn */
    RECVS_PER_TURN = 8,
    BATCH_STALE_MS = 100, /* a batch older than this is dropped: the process was stopped in it */
};

struct dp_tun;

struct dp_tun_poll {
    uv_poll_t poll;
    struct dp_tun *t;
    const struct udp_sock *sock; /* NULL: the TUN device */
    bool open;
};

struct dp_tun {
    struct dp_core core; /* first */
    struct dp_tun_config config;
    struct tun_dev dev;
    struct udp_sock sock[SOCK_COUNT];
    struct dp_tun_poll poll[SOCK_COUNT + 1]; /* last: TUN */
    uv_timer_t timer;
    unsigned handles; /* still to be closed */
    void (*on_closed)(void *ctx);
    void *closed_ctx;
    bool closing;
    uint16_t mss4, mss6;
    struct udp_recv *rx;
    struct udp_send *tx;
    struct coalesce *co;
    uint8_t *tun_buf;
    uint8_t *arena;
    size_t arena_base; /* below it: a packet that an event handler is looking at */
    size_t arena_used;
    uint8_t *esp_buf;          /* copy of a forwarded ESP packet */
    struct dp_tun_stats stats; /* the parts that dp_core does not count */
};

static inline struct dp_tun *tun_of(struct dataplane *dp)
{
    return (struct dp_tun *)dp; /* core.dp is the first member of the first member */
}

static inline void dp_tun_drop(struct dp_tun *t, enum dp_drop why)
{
    t->core.drops[why]++;
}

/* Reads the clock into core.now_ms. */
void dp_tun_begin(struct dp_tun *t);
/* End of a batch: raises events, starts the timer when counters wait for it. */
void dp_tun_end(struct dp_tun *t);

/* Somebody deleted the device: nothing can be read from it ever again. */
void dp_tun_device_lost(struct dp_tun *t);

/* dp_tun_out.c: TUN to UDP. */
void dp_tun_on_tun(struct dp_tun *t);
/* dp_tun_in.c: UDP to TUN. */
void dp_tun_on_sock(struct dp_tun *t, const struct udp_sock *s);
