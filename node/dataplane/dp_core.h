/* dp_core: what every data plane decides the same way: installed SAs, blocks, windows, lifetimes,
 * slot deadlines, selectors, events. Pure: time is an argument, no bytes are moved.
 *
 * dp_record and dp_tun embed it as their first member. Events about an SA are collected while a
 * batch is worked on and raised by dp_core_raise at its end, because a handler may remove the SA.
 */
#pragma once

#include "node/dataplane/dataplane.h"
#include "node/dataplane/esp.h"
#include "node/dataplane/replay.h"
#include "node/dataplane/ts_match.h"
#include "statesync/base/env.h"

struct dp_link {
    struct dp_link *prev, *next;
};

/* Why a packet was dropped; index of dp_core.drops. */
enum dp_drop {
    DROP_REPLAY,
    DROP_AUTH,
    DROP_UNKNOWN_SPI,
    DROP_NO_SA,
    DROP_BLOCK,
    DROP_SLOT,
    DROP_HOLD,
    DROP_STRICT,
    DROP_LIFETIME,
    DROP_SELECTOR,
    DROP_MALFORMED,
    DROP_SEND,
    DROP_TUN,
    DROP_TOO_BIG,
    DROP_COUNT
};

struct dp_sa;

/* One remote selector in the outbound index. */
struct dp_out {
    struct dp_out *next;
    struct dp_sa *sa;
    struct ip_addr host; /* family 0: a range, in dp_core.ranges */
};

struct dp_sa {
    struct dp_sa *next_spi;
    struct dp_link all, pending,
        dirty; /* pending, dirty: linked to themselves when not in the list */
    uint32_t spi_in, spi_out;
    uint16_t slot;
    bool esn, udp_encap, strict_in, hold_out, soft_told, hard_reached;
    unsigned events; /* pending, 1 << enum dp_event_kind */
    const struct esp_suite *suite;
    struct endpoint local, remote;
    struct endpoint seen; /* last reported by DPE_PEER_MOVED; family 0 none */
    struct esp_block block;
    uint64_t reserve_at; /* ask for more when block.next reaches it */
    struct replay win;
    uint64_t bytes_in, packets_in, bytes_out, packets_out, replay_drops, auth_drops, last_in_ms;
    uint32_t unreported; /* inbound packets since the last DPE_COUNTERS */
    uint64_t dirty_ms;   /* when it got into the dirty list */
    uint64_t soft_bytes, soft_packets, hard_bytes, hard_packets;
    struct esp_cipher *seal, *open; /* made at the first packet; NULL before */
    struct secret encr_in, encr_out, integ_in, integ_out; /* wiped when the cipher is made */
    uint8_t n_local, n_remote;
    struct dp_out *out;      /* n_remote of them */
    struct dp_selector ts[]; /* n_local, then n_remote */
};

static inline const struct dp_selector *dp_sa_remote_ts(const struct dp_sa *sa)
{
    return sa->ts + sa->n_local;
}

struct dp_core {
    struct dataplane dp;   /* first: what the engine sees */
    const struct env *env; /* for CBC IV keys; may be NULL when nothing is sealed */
    struct dp_sa **by_spi;
    struct dp_out **by_host;
    size_t buckets; /* of both, a power of two */
    struct dp_out *ranges;
    struct dp_link all, pending, dirty;
    size_t count;
    uint64_t generation; /* changes whenever a pointer to an SA may have become invalid */
    uint64_t drops[DROP_COUNT];
    uint64_t now_ms; /* of the current batch */
    uint64_t deadline_ms[LIMIT_SLOTS];
};

MUST_USE enum err dp_core_init(struct dp_core *core, const struct dataplane_ops *ops);
/* Frees all SAs, without events. */
void dp_core_clear(struct dp_core *core);
void dp_core_done(struct dp_core *core);

/* The calls of dataplane.h. */
void dp_core_install(struct dp_core *core, const struct dp_child *child);
void dp_core_extend(struct dp_core *core, uint32_t spi_in, uint64_t seq_end);
void dp_core_move(struct dp_core *core, uint32_t spi_in, const struct endpoint *local,
                  const struct endpoint *remote, bool udp_encap);
void dp_core_remove(struct dp_core *core, uint32_t spi_in);
void dp_core_query(struct dp_core *core, uint32_t spi_in);
void dp_core_slot_deadline(struct dp_core *core, uint16_t slot, uint64_t deadline_ms);

struct dp_sa *dp_core_find(const struct dp_core *core, uint32_t spi_in);
/* The newest SA whose selectors take the packet and that may send now; else the newest that takes
 * it (dp_sa_may_send then says why not); NULL: none. */
struct dp_sa *dp_core_find_out(const struct dp_core *core, const struct ip_packet *p);

/* At core->now_ms: E_LEASE_LOST slot closed, E_NOT_ALLOWED hold_out, strict_in or hard lifetime.
 * Count the drop. */
MUST_USE enum err dp_sa_may_send(struct dp_core *core, const struct dp_sa *sa,
                                 enum dp_drop *ret_why);
MUST_USE enum err dp_sa_may_receive(struct dp_core *core, const struct dp_sa *sa,
                                    enum dp_drop *ret_why);

/* After a number was taken from sa->block, or attempted in vain (bytes 0). */
void dp_sa_sent(struct dp_core *core, struct dp_sa *sa, size_t bytes);
/* After the integrity check and replay_update. newest: the number became the window's top. */
void dp_sa_received(struct dp_core *core, struct dp_sa *sa, size_t bytes,
                    const struct endpoint *from, bool newest);
void dp_sa_counters(const struct dp_sa *sa, struct dp_counters *ret);

/* Raises what the batch collected. */
void dp_core_raise(struct dp_core *core);
/* Raises the DPE_COUNTERS that dp.window_ms asks for. */
void dp_core_tick(struct dp_core *core);
