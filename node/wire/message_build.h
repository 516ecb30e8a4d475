/* message_build: writes a message, or the content of an Encrypted payload, payload by payload.
 *
 *     struct msg m;
 *     msg_begin(&m, buf, sizeof buf, &header);          or msg_begin_inner(&m, buf, sizeof buf);
 *     pl_sa_write(msg_payload(&m, PL_SA), &sa);         any body writer
 *     msg_add_nonce(&m, nonce);                         or a convenience
 *     TRY(msg_finish(&m, &message));
 *
 * Next-payload octets and lengths are patched on the way. Nothing has to be checked before
 * msg_finish: what does not fit makes it E_LIMIT. Inner content then goes to pl_sk_layout with
 * m.first. No crypto here. RFC 7296 3.1, 3.2. */
#pragma once

#include "statesync/base/wr.h"
#include "node/wire/ike_header.h"
#include "node/wire/pl_auth.h"
#include "node/wire/pl_cert.h"
#include "node/wire/pl_delete.h"
#include "node/wire/pl_id.h"
#include "node/wire/pl_ke.h"
#include "node/wire/pl_nonce.h"
#include "node/wire/pl_notify.h"
#include "node/wire/pl_sa.h"
#include "node/wire/pl_ts.h"

struct msg {
    struct wr w;
    bool inner;
    uint8_t first;     /* type of the first payload; 0 while there is none */
    bool open;         /* a payload is being written; its length is not yet patched */
    size_t payload_at; /* of the last payload's generic header */
};

void msg_begin(struct msg *m, uint8_t *buf, size_t cap, const struct ike_header *h);
void msg_begin_inner(struct msg *m, uint8_t *buf, size_t cap);

/* Closes the payload before and opens one of this type, critical bit clear. Write the body through
 * the returned writer; it is valid until the next call on m. */
struct wr *msg_payload(struct msg *m, uint8_t type);

/* Close the last payload and the header. *ret_bytes points into buf. E_LIMIT. */
MUST_USE enum err msg_finish(struct msg *m, struct span *ret_bytes);

void msg_add_sa(struct msg *m, const struct pl_sa *sa);
void msg_add_ke(struct msg *m, uint16_t group, struct span data);
void msg_add_nonce(struct msg *m, struct span nonce);
/* A notify without SPI, as most are. */
void msg_add_notify(struct msg *m, uint16_t type, struct span data);
/* A notify about the ESP SA that our (or the peer's) 32-bit SPI names. */
void msg_add_notify_esp(struct msg *m, uint16_t type, uint32_t spi, struct span data);
/* INVALID_KE_PAYLOAD. */
void msg_add_invalid_ke(struct msg *m, uint16_t group);
void msg_add_sig_hashes(struct msg *m, uint32_t hashes);
/* type: PL_IDI or PL_IDR. */
void msg_add_id(struct msg *m, uint8_t type, const struct pl_id *id);
void msg_add_cert(struct msg *m, uint8_t encoding, struct span data);
void msg_add_certreq(struct msg *m, uint8_t encoding, struct span hashes);
void msg_add_auth(struct msg *m, uint8_t method, struct span data);
/* type: PL_TSI or PL_TSR. */
void msg_add_ts(struct msg *m, uint8_t type, const struct ts *ts, size_t n);
void msg_add_delete_ike(struct msg *m);
void msg_add_delete_esp(struct msg *m, const uint32_t *spi, size_t n);
/* Any body as it is: VENDOR, EAP packets, CP prepared elsewhere. */
void msg_add_raw(struct msg *m, uint8_t type, struct span body);
