/* First octet: type of the first payload. */
#include "tests/fuzz/fuzz.h"

#include "node/wire/payload_chain.h"

static void check(const struct payload_list *l, struct span chain)
{
    uint64_t set = 0;

    MUST(l->n <= LIMIT_PAYLOADS);
    for (size_t i = 0; i < l->n; i++) {
        const struct payload *p = &l->p[i];

        MUST(payload_known(p->type));
        MUST(p->offset <= chain.len && p->body.len <= chain.len - p->offset);
        MUST(p->body.p == chain.p + p->offset);
        MUST(payload_nth(l, p->type, payload_count(l, p->type)) == NULL);
        MUST(payload_first(l, p->type) <= p);
        set |= PL_BIT(p->type);
    }
    MUST(set == l->set);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t first = fuzz_choice(&data, &size), critical = 0;
    struct span chain = span_of(data, size);
    struct payload_list l;
    enum err e;

    e = payload_chain_clear(first, chain, &l, &critical);
    MUST((e == E_CRITICAL_PAYLOAD) == (critical != 0));
    MUST(critical == 0 || !payload_known(critical));
    if (e == OK)
        check(&l, chain);
    critical = 0;
    e = payload_chain_inner(first, chain, &l, &critical);
    if (e == OK) {
        check(&l, chain);
        MUST((l.set & (PL_BIT(PL_SK) | PL_BIT(PL_SKF))) == 0);
    }
    return 0;
}
