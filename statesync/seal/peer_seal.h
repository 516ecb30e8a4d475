/* peer_seal: datagrams between the nodes (docs/formats/cluster-datagram.md).
 *
 * AES-256-GCM under a key per sender (node id, boot second), derived from the cluster key; a 64-bit
 * counter per sender, never repeated: a boot second is used by one process only, and a random salt
 * in the nonce stands in for that rule when it is broken. A receiver takes each counter once within
 * a window of 64, a heartbeat only with a counter above every earlier heartbeat's, and nothing of
 * an older boot second once a newer one was authentic. State changes only after the integrity
 * check. */
#pragma once

#include "statesync/base/addr.h"
#include "statesync/base/env.h"
#include "statesync/base/limits.h"

enum peer_type {
    PEER_HEARTBEAT = 1, /* proto/heartbeat.proto */
    PEER_IKE = 2,       /* struct peer_packet: an IKE datagram, no non-ESP marker */
    PEER_ESP = 3,       /* struct peer_packet: an ESP packet from its SPI on */
    PEER_INNER = 4,     /* struct peer_packet: an inner IP packet */
    PEER_SLOTS = 5,     /* struct peer_slots: slots handed to the receiver */
    PEER_TYPE_END
};

enum {
    PEER_OVERHEAD = 38,                        /* header 22, tag 16 */
    PEER_DATAGRAM = 65000,                     /* whole datagram */
    PEER_BODY = PEER_DATAGRAM - PEER_OVERHEAD, /* body */
    PEER_ANY = 0                               /* destination: whoever gets it */
};

struct peer_seal;

/* cluster_key: 32 octets, copied and wiped at the end; E_BAD_LENGTH. node 1..4095 and boot: our
 * own; boot is confirmed, no earlier process of this node used it. */
MUST_USE enum err peer_seal_new(struct span cluster_key, uint16_t node, uint32_t boot,
                                const struct env *env, struct peer_seal **ret);
struct peer_seal *peer_seal_free(struct peer_seal *p);

/* One datagram into out[cap]. dest: a node id, or PEER_ANY (heartbeats). E_LIMIT: body over
 * PEER_BODY or no room; E_BAD_VALUE: no such type. */
MUST_USE enum err peer_seal_make(struct peer_seal *p, enum peer_type type, uint16_t dest,
                                 struct span body, uint8_t *out, size_t cap, size_t *ret_len);

struct peer_message {
    enum peer_type type;
    uint16_t node; /* authentic sender */
    uint32_t boot;
    uint64_t counter;
    struct span body; /* in scratch */
};

/* Opens a datagram into scratch[cap >= datagram.len]; the body lives there. E_TRUNCATED, E_LIMIT,
 * E_BAD_VERSION, E_BAD_VALUE; E_NOT_ALLOWED: for another node, or says it is from us; E_INTEGRITY;
 * E_REPLAY: seen before, too old, a heartbeat not above the last one, or an older boot second. */
MUST_USE enum err peer_seal_open(struct peer_seal *p, struct span datagram, uint8_t *scratch,
                                 size_t cap, struct peer_message *ret);

/* From now on nothing of node with a boot second below boot (the membership object knows better
 * than a replayed datagram). A lower value than known changes nothing. */
void peer_seal_floor(struct peer_seal *p, uint16_t node, uint32_t boot);

/* Body of PEER_IKE, PEER_ESP, PEER_INNER: addresses as the forwarding node saw them (family 0 for
 * an inner packet). Encode returns the length, or E_LIMIT. */
struct peer_packet {
    struct endpoint local, remote;
    bool encap; /* came in UDP 4500 */
    struct span packet;
};
enum { PEER_PACKET_MAX_HEAD = 39 };
MUST_USE enum err peer_packet_encode(const struct peer_packet *p, uint8_t *out, size_t cap,
                                     size_t *ret_len);
/* packet points into body. */
MUST_USE enum err peer_packet_decode(struct span body, struct peer_packet *ret);

/* Body of PEER_SLOTS: these slots were released and are claimed for the receiver. */
struct peer_slots {
    uint16_t n;
    uint16_t slots[LIMIT_SLOTS];
};
MUST_USE enum err peer_slots_encode(const uint16_t *slots, size_t n, uint8_t *out, size_t cap,
                                    size_t *ret_len);
/* At least one, each below LIMIT_SLOTS, in any order. */
MUST_USE enum err peer_slots_decode(struct span body, struct peer_slots *ret);
