#include "node/wire/pl_cert.h"

enum err pl_cert_parse(struct rd body, struct pl_cert *ret)
{
    struct pl_cert c;

    TRY(rd_u8(&body, &c.encoding));
    c.data = rd_rest(&body);
    TRY(rd_end(&body));
    if (c.data.len == 0)
        return E_BAD_LENGTH;
    *ret = c;
    return OK;
}

void pl_cert_write(struct wr *w, const struct pl_cert *c)
{
    wr_u8(w, c->encoding);
    wr_bytes(w, c->data);
}

enum err pl_certreq_parse(struct rd body, struct pl_certreq *ret)
{
    struct pl_certreq c;

    TRY(rd_u8(&body, &c.encoding));
    c.authorities = rd_rest(&body);
    TRY(rd_end(&body));
    /* RFC 7296 3.7: the SHA-1 hashes of trusted CAs' public keys, one behind the other. */
    if (c.encoding == CERT_X509_SIGNATURE && c.authorities.len % CERTREQ_HASH_LEN != 0)
        return E_BAD_LENGTH;
    *ret = c;
    return OK;
}

void pl_certreq_write(struct wr *w, const struct pl_certreq *c)
{
    wr_u8(w, c->encoding);
    wr_bytes(w, c->authorities);
}

bool certreq_wants(const struct pl_certreq *c, struct span hash)
{
    struct rd r = rd_of(c->authorities);
    struct span one;

    if (c->authorities.len == 0)
        return true;
    while (rd_span(&r, CERTREQ_HASH_LEN, &one) == OK)
        if (span_eq(one, hash))
            return true;
    return false;
}
