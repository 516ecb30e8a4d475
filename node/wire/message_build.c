/* message_build: see the header. The writer's failed flag carries every error to msg_finish. */
#include "node/wire/message_build.h"

enum { GENERIC_HEADER = 4, LENGTH_AT = 2 };

void msg_begin(struct msg *m, uint8_t *buf, size_t cap, const struct ike_header *h)
{
    *m = (struct msg){ .w = wr_of(buf, cap), .first = PL_NONE };
    ike_header_write(&m->w, h);
    wr_put_u8(&m->w, IKE_HEADER_NEXT_AT, PL_NONE);
}

void msg_begin_inner(struct msg *m, uint8_t *buf, size_t cap)
{
    *m = (struct msg){ .w = wr_of(buf, cap), .inner = true, .first = PL_NONE };
}

static void close_payload(struct msg *m)
{
    size_t len = m->w.len - m->payload_at;

    if (!m->open)
        return;
    m->open = false;
    if (len > UINT16_MAX)
        m->w.failed = true;
    else
        wr_put_u16(&m->w, m->payload_at + LENGTH_AT, (uint16_t)len);
}

struct wr *msg_payload(struct msg *m, uint8_t type)
{
    close_payload(m);
    if (m->first == PL_NONE) {
        m->first = type;
        if (!m->inner)
            wr_put_u8(&m->w, IKE_HEADER_NEXT_AT, type);
    } else {
        wr_put_u8(&m->w, m->payload_at, type);
    }
    m->payload_at = m->w.len;
    m->open = true;
    wr_u8(&m->w, PL_NONE);
    wr_zero(&m->w, GENERIC_HEADER - 1);
    return &m->w;
}

enum err msg_finish(struct msg *m, struct span *ret_bytes)
{
    close_payload(m);
    if (!m->inner)
        wr_put_u32(&m->w, IKE_HEADER_LENGTH_AT, (uint32_t)m->w.len);
    TRY(wr_ok(&m->w));
    *ret_bytes = wr_span(&m->w);
    return OK;
}

void msg_add_sa(struct msg *m, const struct pl_sa *sa)
{
    pl_sa_write(msg_payload(m, PL_SA), sa);
}

void msg_add_ke(struct msg *m, uint16_t group, struct span data)
{
    pl_ke_write(msg_payload(m, PL_KE), &(struct pl_ke){ group, data });
}

void msg_add_nonce(struct msg *m, struct span nonce)
{
    pl_nonce_write(msg_payload(m, PL_NONCE), nonce);
}

void msg_add_notify(struct msg *m, uint16_t type, struct span data)
{
    struct pl_notify n = { .protocol = PROTO_NONE, .type = type, .data = data };

    pl_notify_write(msg_payload(m, PL_NOTIFY), &n);
}

void msg_add_notify_esp(struct msg *m, uint16_t type, uint32_t spi, struct span data)
{
    uint8_t buf[4];
    struct wr w = wr_of(buf, sizeof buf);
    struct pl_notify n = { .protocol = PROTO_ESP, .type = type, .data = data };

    wr_u32(&w, spi);
    n.spi = wr_span(&w);
    pl_notify_write(msg_payload(m, PL_NOTIFY), &n);
}

void msg_add_invalid_ke(struct msg *m, uint16_t group)
{
    uint8_t buf[2];
    struct wr w = wr_of(buf, sizeof buf);

    wr_u16(&w, group);
    msg_add_notify(m, N_INVALID_KE_PAYLOAD, wr_span(&w));
}

void msg_add_sig_hashes(struct msg *m, uint32_t hashes)
{
    uint8_t buf[64];
    struct wr w = wr_of(buf, sizeof buf);

    notify_sig_hashes_write(&w, hashes);
    msg_add_notify(m, N_SIGNATURE_HASH_ALGORITHMS, wr_span(&w));
}

void msg_add_id(struct msg *m, uint8_t type, const struct pl_id *id)
{
    pl_id_write(msg_payload(m, type), id);
}

void msg_add_cert(struct msg *m, uint8_t encoding, struct span data)
{
    pl_cert_write(msg_payload(m, PL_CERT), &(struct pl_cert){ encoding, data });
}

void msg_add_certreq(struct msg *m, uint8_t encoding, struct span hashes)
{
    pl_certreq_write(msg_payload(m, PL_CERTREQ), &(struct pl_certreq){ encoding, hashes });
}

void msg_add_auth(struct msg *m, uint8_t method, struct span data)
{
    pl_auth_write(msg_payload(m, PL_AUTH), &(struct pl_auth){ method, data });
}

void msg_add_ts(struct msg *m, uint8_t type, const struct ts *ts, size_t n)
{
    pl_ts_write(msg_payload(m, type), ts, n);
}

void msg_add_delete_ike(struct msg *m)
{
    struct pl_delete d = { .protocol = PROTO_IKE };

    pl_delete_write(msg_payload(m, PL_DELETE), &d);
}

void msg_add_delete_esp(struct msg *m, const uint32_t *spi, size_t n)
{
    struct wr *w = msg_payload(m, PL_DELETE);
    struct pl_delete d = { .protocol = PROTO_ESP, .n = n };

    if (n > LIMIT_DELETE_SPIS) {
        w->failed = true;
        return;
    }
    for (size_t i = 0; i < n; i++)
        d.spi[i] = spi[i];
    pl_delete_write(w, &d);
}

void msg_add_raw(struct msg *m, uint8_t type, struct span body)
{
    wr_bytes(msg_payload(m, type), body);
}
