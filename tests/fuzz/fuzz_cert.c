/* First octet odd: CERTREQ, even: CERT. */
#include "tests/fuzz/fuzz.h"

#include "node/wire/pl_cert.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t odd = fuzz_choice(&data, &size) & 1;
    struct wr w = fuzz_writer();
    struct pl_cert c;
    struct pl_certreq r;

    if (!odd) {
        if (pl_cert_parse(rd_of(span_of(data, size)), &c) != OK)
            return 0;
        pl_cert_write(&w, &c);
        must_equal(&w, data, size);
        return 0;
    }
    if (pl_certreq_parse(rd_of(span_of(data, size)), &r) != OK)
        return 0;
    pl_certreq_write(&w, &r);
    must_equal(&w, data, size);
    if (r.authorities.len >= CERTREQ_HASH_LEN)
        MUST(certreq_wants(&r, span_of(r.authorities.p, CERTREQ_HASH_LEN)));
    (void)certreq_wants(&r, span_str("twenty octets of hsh"));
    return 0;
}
