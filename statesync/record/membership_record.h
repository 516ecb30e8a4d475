/* membership_record: the one versioned object that says who is in the PoP, and its bytes
 * (docs/formats/membership.md). Operations: statesync/lease/membership.h. */
#pragma once

#include "statesync/base/addr.h"
#include "statesync/base/limits.h"

struct member {
    uint16_t node; /* 1..4095 */
    uint32_t boot; /* boot second of the process that is the member */
    struct endpoint cluster_addr;
    bool leaving; /* draining: gets no slots */
    char name[LIMIT_NAME];
};

/* A node that was put out: not let in again before holddown_until_ms (wall clock of the store's
 * users, a courtesy against flapping, no safety hangs on it), and never with a boot second below
 * boot. */
struct member_out {
    uint16_t node;
    uint32_t boot;
    uint64_t holddown_until_ms;
};

struct membership {
    uint64_t version; /* as stored; 0: there is none. Not part of the bytes: the envelope has it */
    uint16_t slots; /* slots in use, a power of two up to LIMIT_SLOTS; fixed by who writes first */
    uint8_t n;      /* members, in rising order of node */
    struct member members[LIMIT_NODES];
    uint8_t n_out; /* rising order of node; nobody is in both lists */
    struct member_out out[LIMIT_NODES];
};

/* Protobuf bytes, malloc-ed. E_NOMEM. */
MUST_USE enum err membership_encode(const struct membership *m, struct bytes *ret);
/* Every field checked: E_BAD_VALUE, E_BAD_VERSION, E_LIMIT; ret->version is 0. */
MUST_USE enum err membership_decode(struct span plain, struct membership *ret);
