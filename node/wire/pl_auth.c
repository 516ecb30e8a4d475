#include "node/wire/pl_auth.h"

/* RFC 7296 3.8: method, three reserved octets, data. */
enum err pl_auth_parse(struct rd body, struct pl_auth *ret)
{
    struct pl_auth a;

    TRY(rd_u8(&body, &a.method));
    TRY(rd_skip(&body, 3));
    a.data = rd_rest(&body);
    TRY(rd_end(&body));
    if (a.data.len == 0)
        return E_BAD_LENGTH;
    *ret = a;
    return OK;
}

void pl_auth_write(struct wr *w, const struct pl_auth *a)
{
    wr_u8(w, a->method);
    wr_zero(w, 3);
    wr_bytes(w, a->data);
}

/* RFC 7427 3: one octet of length, the ASN.1 AlgorithmIdentifier, the signature value. */
enum err auth_signature_parse(struct span data, struct auth_signature *ret)
{
    struct auth_signature s;
    struct rd r = rd_of(data);
    uint8_t len;

    TRY(rd_u8(&r, &len));
    TRY(rd_span(&r, len, &s.alg_id));
    s.value = rd_rest(&r);
    TRY(rd_end(&r));
    if (s.alg_id.len == 0 || s.value.len == 0)
        return E_BAD_LENGTH;
    *ret = s;
    return OK;
}

void auth_signature_write(struct wr *w, const struct auth_signature *s)
{
    if (s->alg_id.len > UINT8_MAX) {
        w->failed = true;
        return;
    }
    wr_u8(w, (uint8_t)s->alg_id.len);
    wr_bytes(w, s->alg_id);
    wr_bytes(w, s->value);
}
