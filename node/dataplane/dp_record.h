/* dp_record: a data plane that moves no bytes, for tests and the simulator.
 *
 * Deterministic: no clock, no randomness; time is an argument of emit, receive and tick. Blocks,
 * windows, lifetimes, slot deadlines and events are the code that dp_tun runs (dp_sa), so a
 * simulated node obeys exactly what a real one does. Events are delivered before the call returns;
 * an event handler may call install, extend, move, remove and slot_deadline, not emit or receive.
 */
#pragma once

#include "node/dataplane/dataplane.h"

/* What one ESP packet looks like to the receiver, instead of its bytes. */
struct dp_packet {
    uint32_t spi;  /* on the wire: the sender's spi_out */
    uint64_t seq;  /* extended number; the wire carries the low half */
    uint8_t iv[8]; /* AEAD: seq, network byte order (INV-NONCE is checked on key + iv) */
    uint64_t key;  /* fingerprint of the cipher key used; never the key */
    struct endpoint local, remote; /* as the sender sees them */
    bool udp_encap;
    uint32_t bytes; /* inner packet */
};

/* on_event may be NULL (set dp->on_event later). NULL when memory ends. */
struct dataplane *dp_record_new(void (*on_event)(void *ctx, const struct dp_event *event),
                                void *ctx);
struct dataplane *dp_record_free(struct dataplane *dp);

/* Send one inner packet of that many octets on the outbound half of the pair named spi_in.
 * E_NOT_FOUND: not installed. E_LEASE_LOST: slot closed at now_ms. E_NOT_ALLOWED: hold_out or hard
 * lifetime. E_LIMIT: block used up. */
MUST_USE enum err dp_record_emit(struct dataplane *dp, uint32_t spi_in, uint32_t bytes,
                                 uint64_t now_ms, struct dp_packet *ret_packet);

/* A packet arrives for our inbound SPI packet->spi, from packet->local as the NAT leaves it.
 * OK: delivered. E_NOT_FOUND: unknown SPI (DPE_UNKNOWN_SPI was raised). E_LEASE_LOST, E_NOT_ALLOWED
 * (strict_in, hard lifetime), E_REPLAY. E_INTEGRITY: packet->key is not zero and not our inbound
 * key, or the high half of the number was inferred wrongly (RFC 4303 2.2.1). */
MUST_USE enum err dp_record_receive(struct dataplane *dp, const struct dp_packet *packet,
                                    uint64_t now_ms);

/* The same when only the number matters: from the SA's remote endpoint, no key check, 100 octets.
 */
MUST_USE enum err dp_record_receive_seq(struct dataplane *dp, uint32_t spi_in, uint64_t seq,
                                        uint64_t now_ms);

/* Raises the DPE_COUNTERS that window_ms asks for. */
void dp_record_tick(struct dataplane *dp, uint64_t now_ms);

/* What is installed, oldest first; changes nothing. counters is filled. */
struct dp_record_view {
    const struct dp_child
        *child; /* as installed, with moves, extensions and cleared hold_out; keys in it */
    uint64_t seq_next, seq_end;
    struct dp_counters counters;
    uint64_t key_in, key_out; /* fingerprints, as in struct dp_packet */
    uint64_t deadline_ms;     /* of its slot */
};
void dp_record_each(struct dataplane *dp,
                    void (*visit)(void *ctx, const struct dp_record_view *view), void *ctx);
/* ret->child is valid until the next call on this data plane (it holds keys). */
MUST_USE enum err dp_record_find(struct dataplane *dp, uint32_t spi_in, struct dp_record_view *ret);
/* By the peer's SPI (what our packets carry); the first found. */
MUST_USE enum err dp_record_find_out(struct dataplane *dp, uint32_t spi_out,
                                     struct dp_record_view *ret);
size_t dp_record_count(const struct dataplane *dp);

/* A node that crashes: all SAs are gone, keys wiped, slots closed, no event. */
void dp_record_crash(struct dataplane *dp);

/* Calls seen since new, in this order in the array. */
enum dp_record_call {
    DPC_INSTALL,
    DPC_EXTEND,
    DPC_MOVE,
    DPC_REMOVE,
    DPC_QUERY,
    DPC_SLOT,
    DPC_COUNT
};
uint64_t dp_record_calls(const struct dataplane *dp, enum dp_record_call call);

/* The next n installs fail with err and leave nothing behind. */
void dp_record_fail_installs(struct dataplane *dp, unsigned n, enum err err);
