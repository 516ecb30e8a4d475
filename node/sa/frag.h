/* frag: IKE fragmentation: joining received fragments, planning sent ones. RFC 7383.
 *
 * Sits between protection and the exchanges: what goes in was decrypted and checked fragment by
 * fragment, what comes out is the content of one SK payload. Pure, bounded by LIMIT_FRAGMENTS and
 * LIMIT_MESSAGE. One buffer joins one message at a time (window 1). */
#pragma once

#include "statesync/base/limits.h"
#include "statesync/base/span.h"

/* Plaintext of fragments; embedded in an SA. frag_init before, frag_done after use. */
struct frag {
    bool active;
    uint32_t msgid;
    uint8_t exchange;
    uint16_t total, have;
    uint8_t first;                      /* payload type from fragment 1 */
    size_t size;                        /* octets held */
    struct bytes part[LIMIT_FRAGMENTS]; /* owned, wiped when freed; p == NULL: not here yet, or
                                           empty with the bit in seen */
    uint64_t seen;
};

void frag_init(struct frag *f);
/* Wipes and frees what is held; f may be used again. Also right for a zeroed struct. */
void frag_done(struct frag *f);

enum frag_result { FRAG_MORE, FRAG_COMPLETE };

struct frag_part {
    uint32_t msgid;
    uint8_t exchange;
    uint16_t number, total;
    uint8_t first; /* next-payload octet of this SKF: payload type inside for number 1, else 0 */
    struct span content; /* decrypted, unpadded */
};

/* Takes one authentic fragment. FRAG_COMPLETE: *ret_message (owned by the caller: bytes_wipe_free)
 * and *ret_first are the joined content; f is empty again. FRAG_MORE: waiting, or a duplicate.
 *
 * Another message ID or exchange, or a larger total (RFC 7383 2.6: the peer fragments again with a
 * smaller size) drops what is held and starts anew; a smaller total is E_BAD_VALUE and changes
 * nothing. E_LIMIT: more fragments or octets than we join (what is held is dropped). E_BAD_VALUE:
 * number outside 1..total, a payload type where none may be. E_NOMEM. */
MUST_USE enum err frag_feed(struct frag *f, const struct frag_part *part,
                            enum frag_result *ret_result, struct bytes *ret_message,
                            uint8_t *ret_first);

/* RFC 7383 2.5.1: the largest IKE message (octets) that a fragment may be, so that the IP datagram
 * is at most datagram octets. natt: the 4-octet non-ESP marker of UDP 4500 goes in front. 0 if
 * nothing is left. */
size_t frag_message_max(size_t datagram, uint8_t family, bool natt);

/* How to cut content_len octets: all fragments but the last carry *ret_each octets. message_max as
 * above; overhead: octets of a fragment's message beyond its content, at most (header, SKF headers,
 * IV, largest padding with its length octet, checksum). E_LIMIT: more than LIMIT_FRAGMENTS. */
MUST_USE enum err frag_plan(size_t content_len, size_t message_max, size_t overhead,
                            size_t *ret_each, uint16_t *ret_total);

/* The content of fragment number (1..total) of that plan. */
struct span frag_slice(struct span content, size_t each, uint16_t number);
