#include "statesync/record/session_check.h"

#include <string.h>

#include "statesync/base/rd.h"

/* Sequence numbers end below this without ESN (RFC 4303 3.3.3: no cycling). */
static const uint64_t seq_space_32 = (uint64_t)1 << 32;

static enum err check_name(const char name[LIMIT_NAME])
{
    size_t len = strnlen(name, LIMIT_NAME);

    if (len == LIMIT_NAME)
        return E_LIMIT;
    for (size_t i = 0; i < len; i++)
        if ((uint8_t)name[i] < 0x20 || name[i] == 0x7f)
            return E_BAD_VALUE;
    return OK;
}

static enum err check_ip(const struct ip_addr *a)
{
    return a->family == 0 || a->family == 4 || a->family == 6 ? OK : E_BAD_VALUE;
}

/* Datagrams one after the other, each with a 16-bit length in front, none empty. */
static enum err check_datagrams(struct bytes b)
{
    struct rd r = rd_of(span_bytes(b));
    uint16_t len;
    unsigned n = 0;

    while (rd_left(&r) > 0) {
        TRY(rd_u16(&r, &len));
        if (len == 0)
            return E_BAD_LENGTH;
        TRY(rd_skip(&r, len));
        if (++n > LIMIT_FRAGMENTS)
            return E_LIMIT;
    }
    return OK;
}

static enum err check_suite(const struct rec_suite *s)
{
    return s->encr_key_bits % 8 == 0 && s->encr_key_bits <= 512 ? OK : E_BAD_VALUE;
}

static enum err check_selectors(const struct rec_ts *ts, size_t n)
{
    if (n > LIMIT_SELECTORS)
        return E_LIMIT;
    for (size_t i = 0; i < n; i++) {
        if (ts[i].first.family != ts[i].last.family || ip_len(&ts[i].first) == 0 ||
            ip_cmp(&ts[i].first, &ts[i].last) > 0)
            return E_BAD_VALUE;
        /* RFC 7296 3.13.1: start 65535 and end 0 stand for OPAQUE. */
        if (ts[i].port_first > ts[i].port_last &&
            !(ts[i].port_first == UINT16_MAX && ts[i].port_last == 0))
            return E_BAD_VALUE;
    }
    return OK;
}

static enum err check_child(const struct child_record *c)
{
    if (c->state == CS_NONE || c->state >= CS_COUNT)
        return E_BAD_VALUE;
    if (c->spi_in == 0 || c->spi_out == 0)
        return E_BAD_VALUE;
    TRY(check_suite(&c->suite));
    TRY(check_name(c->name));
    if (c->encr_in.len > SECRET_MAX || c->encr_out.len > SECRET_MAX ||
        c->integ_in.len > SECRET_MAX || c->integ_out.len > SECRET_MAX)
        return E_LIMIT;
    TRY(check_selectors(c->local_ts, c->n_local));
    TRY(check_selectors(c->remote_ts, c->n_remote));
    if (c->reserved_end != 0 && c->seq_next > c->reserved_end)
        return E_BAD_VALUE;
    if (!c->esn && (c->reserved_end > seq_space_32 || c->window.top >= seq_space_32))
        return E_BAD_VALUE;
    return OK;
}

static enum err check_request(const struct rec_request *q)
{
    if (q->kind > RQ_INFORMATIONAL)
        return E_BAD_VALUE;
    if (q->dh_private.len > SESSION_DH_MAX)
        return E_LIMIT;
    if (q->nonce.len != 0 && (q->nonce.len < LIMIT_NONCE_MIN || q->nonce.len > LIMIT_NONCE_MAX))
        return E_BAD_LENGTH;
    TRY(check_name(q->child_name));
    return check_datagrams(q->datagrams);
}

static enum err check_secrets(const struct session_record *r)
{
    const struct secret *const all[] = { &r->sk_d,  &r->sk_ai, &r->sk_ar, &r->sk_ei,
                                         &r->sk_er, &r->sk_pi, &r->sk_pr };

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        if (all[i]->len > SECRET_MAX)
            return E_LIMIT;
    return OK;
}

static enum err check_nonce(struct bytes n)
{
    return n.len == 0 || (n.len >= LIMIT_NONCE_MIN && n.len <= LIMIT_NONCE_MAX) ? OK : E_BAD_LENGTH;
}

static enum err check_children(const struct session_record *r)
{
    if (r->n_children > LIMIT_CHILDREN)
        return E_LIMIT;
    for (size_t i = 0; i < r->n_children; i++) {
        TRY(check_child(&r->children[i]));
        /* The inbound SPI is a child's name. */
        for (size_t j = 0; j < i; j++)
            if (r->children[j].spi_in == r->children[i].spi_in)
                return E_BAD_VALUE;
    }
    return OK;
}

static enum err check_vips(const struct session_record *r)
{
    if (r->n_vips > LIMIT_VIPS)
        return E_LIMIT;
    for (size_t i = 0; i < r->n_vips; i++)
        if (ip_len(&r->vips[i]) == 0)
            return E_BAD_VALUE;
    return OK;
}

enum err session_record_check(const struct session_record *r)
{
    if (r->state == SS_NONE || r->state >= SS_COUNT)
        return E_BAD_VALUE;
    if (r->role != ROLE_INITIATOR && r->role != ROLE_RESPONDER)
        return E_BAD_VALUE;
    /* Ours is the record's id; only an initiator that waits for IKE_SA_INIT lacks the other. */
    if (session_own_spi(r) == 0 || r->spi_i == 0)
        return E_BAD_VALUE;
    TRY(check_ip(&r->local.addr));
    TRY(check_ip(&r->remote.addr));
    TRY(check_name(r->conn));
    TRY(check_suite(&r->suite));
    TRY(check_secrets(r));
    TRY(check_nonce(r->ni));
    TRY(check_nonce(r->nr));
    if (r->init_request.len > LIMIT_MESSAGE || r->init_response.len > LIMIT_MESSAGE)
        return E_LIMIT;
    TRY(check_datagrams(r->reply));
    TRY(check_request(&r->request));
    if (r->id_local.data.len > LIMIT_ID || r->id_remote.data.len > LIMIT_ID)
        return E_LIMIT;
    TRY(check_vips(r));
    return check_children(r);
}
