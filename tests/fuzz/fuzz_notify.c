/* First octet odd: a list of payloads (all Notify) with the finders; even: one body. */
#include "tests/fuzz/fuzz.h"

#include "node/wire/pl_notify.h"

static void one(const uint8_t *data, size_t size)
{
    struct wr w = fuzz_writer();
    struct pl_notify n;
    struct notify_redirect d;
    struct notify_mid_sync s;
    uint32_t v32;
    uint16_t v16;

    if (pl_notify_parse(rd_of(span_of(data, size)), &n) != OK)
        return;
    pl_notify_write(&w, &n);
    must_equal(&w, data, size);
    MUST((notify_spi32(&n, &v32) == OK) == (n.spi.len == 4));
    MUST((notify_ke_group(&n, &v16) == OK) == (n.data.len == 2));
    if (notify_sig_hashes(&n, &v32) == OK) {
        w = fuzz_writer();
        notify_sig_hashes_write(&w, v32);
        MUST(wr_ok(&w) == OK && w.len <= 62);
    }
    if (notify_redirect_parse(n.data, &d) == OK)
        MUST(d.gw.len + d.nonce.len + 2 == n.data.len);
    if (notify_mid_sync_parse(n.data, &s) == OK) {
        w = fuzz_writer();
        notify_mid_sync_write(&w, &s);
        MUST(span_eq(wr_span(&w), n.data));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t odd = fuzz_choice(&data, &size) & 1, critical;
    struct payload_list l;
    struct pl_notify n;

    if (!odd) {
        one(data, size);
        return 0;
    }
    if (payload_chain_inner(PL_NOTIFY, span_of(data, size), &l, &critical) != OK)
        return 0;
    for (size_t i = 0; i < l.n; i++) {
        if (l.p[i].type != PL_NOTIFY || pl_notify_parse(rd_of(l.p[i].body), &n) != OK)
            continue;
        MUST(notify_has(&l, n.type));
        MUST(!notify_is_error(n.type) || notify_find_error(&l, &n));
    }
    if (pl_notify_check(&l) == OK && notify_find_error(&l, &n))
        MUST(notify_is_error(n.type));
    return 0;
}
