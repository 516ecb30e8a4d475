#include "node/wire/pl_nonce.h"

enum err pl_nonce_parse(struct rd body, struct span *ret)
{
    struct span nonce = rd_rest(&body);

    TRY(rd_end(&body));
    if (nonce.len < LIMIT_NONCE_MIN || nonce.len > LIMIT_NONCE_MAX)
        return E_BAD_LENGTH;
    *ret = nonce;
    return OK;
}

void pl_nonce_write(struct wr *w, struct span nonce)
{
    wr_bytes(w, nonce);
}
