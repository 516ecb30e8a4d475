/* breaks: planted breaks. Each bit switches one safety rule off, to show that the simulator and the
 * chaos suite catch its absence. Read through BREAK(); a release build has no trace of them. */
#pragma once

#include "statesync/base/env.h"

enum {
    BREAK_SEND_BEFORE_COMMIT = 0, /* release a reply without waiting for the store (INV-COMMIT) */
    BREAK_IGNORE_TOKEN,           /* commit without comparing the slot's token (INV-OWNER) */
    BREAK_TAKEOVER_AT_LAST_USED,  /* continue outbound numbers at the stored cursor, not at the
                                     end of the reservation (INV-SEQ) */
    BREAK_USE_BEFORE_RESERVE,     /* extend a block locally before the store confirmed (INV-SEQ) */
    BREAK_IGNORE_INCARNATION,     /* continue a key beyond a reservation of an older incarnation */
    BREAK_IV_FROM_MESSAGE_ID,     /* SK IV from the message ID instead of the node's counter */
    BREAK_REBUILD_REPLY,          /* answer a retransmission by building the reply again */
    BREAK_FORGET_REPLY,           /* leave the reply out of the record */
    BREAK_FORGET_WINDOW,          /* start inbound windows empty at takeover (INV-REPLAY) */
    BREAK_FORGET_TOMBSTONE,       /* a delete leaves nothing behind (INV-REVOKE) */
    BREAK_CLAIM_WITHOUT_CAS,      /* claim a slot whatever its token (INV-OWNER) */
    BREAK_ADDRESS_WITHOUT_LEASE,  /* hand out an inner address without asking the store (INV-VIP) */
    BREAK_HANDOVER_GUESS,         /* planned handover without waiting for exact counters */
    BREAK_COUNT
};

#ifdef IKESTRA_PLANTED_BREAKS
#define BREAK(env, name) (((env)->breaks >> BREAK_##name & 1) != 0)
#else
#define BREAK(env, name) ((void)(env), 0)
#endif

/* "send-before-commit" and so on; NULL past the end. */
const char *break_name(unsigned n);
