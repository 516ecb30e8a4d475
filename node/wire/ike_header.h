/* ike_header: the 28 octets in front of every IKE message. RFC 7296 3.1. */
#pragma once

#include "statesync/base/rd.h"
#include "statesync/base/wr.h"
#include "node/wire/ike_numbers.h"

enum { IKE_HEADER_LEN = 28, IKE_HEADER_LENGTH_AT = 24, IKE_HEADER_NEXT_AT = 16 };

struct ike_header {
    uint64_t spi_i, spi_r;
    uint8_t next_payload;
    uint8_t major, minor;
    uint8_t exchange;
    uint8_t flags; /* as on the wire; unknown bits are kept and mean nothing */
    uint32_t msgid;
    uint32_t length; /* of the whole message */
};

/* Reads the header of one datagram (the non-ESP marker already removed) and leaves m at the first
 * payload. E_BAD_LENGTH: the length field is not the datagram's length. E_BAD_VERSION: a major
 * version other than 2; *ret is then filled all the same, because the answer
 * (INVALID_MAJOR_VERSION, RFC 7296 2.5) needs SPIs and message ID. Nothing else is judged here. */
MUST_USE enum err ike_header_parse(struct rd *m, struct ike_header *ret);

/* As h says; length and next_payload are usually patched later (message_build.h). */
void ike_header_write(struct wr *w, const struct ike_header *h);

static inline bool ike_is_response(const struct ike_header *h)
{
    return (h->flags & IKE_FLAG_RESPONSE) != 0;
}

/* The sender is the original initiator of the IKE SA (then the receiver's own SPI is spi_r). */
static inline bool ike_from_initiator(const struct ike_header *h)
{
    return (h->flags & IKE_FLAG_INITIATOR) != 0;
}

/* The header of a message about this IKE SA: version 2.0, flags from the two questions. */
struct ike_header ike_header_make(uint64_t spi_i, uint64_t spi_r, uint8_t exchange,
                                  bool we_are_initiator, bool response, uint32_t msgid);
