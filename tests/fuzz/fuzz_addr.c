/* Addresses, prefixes and endpoints as text, and as octets. */
#include "tests/fuzz/fuzz.h"

#include "statesync/base/addr.h"

static void text(const char *s)
{
    char out[ENDPOINT_TEXT_MAX], out_ip[IP_TEXT_MAX];
    struct ip_addr a, again;
    struct ip_prefix p, p_again;
    struct endpoint e, e_again;

    if (ip_parse(s, &a) == OK) {
        MUST(ip_parse(ip_text(&a, out_ip), &again) == OK);
        MUST(ip_eq(&a, &again) && ip_cmp(&a, &again) == 0);
        again = ip_add(&a, 1);
        MUST(!ip_eq(&a, &again));
    }
    if (prefix_parse(s, &p) == OK) {
        MUST(p.bits <= ip_len(&p.addr) * 8);
        MUST(prefix_contains(&p, &p.addr));
        MUST(prefix_parse(prefix_text(&p, out_ip), &p_again) == OK);
        MUST(p.bits == p_again.bits && ip_eq(&p.addr, &p_again.addr));
    }
    if (endpoint_parse(s, &e) == OK) {
        MUST(endpoint_parse(endpoint_text(&e, out), &e_again) == OK);
        MUST(endpoint_eq(&e, &e_again));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct ip_addr a;
    char *s = malloc(size + 1);

    if (size > 0)
        memcpy(s, data, size);
    s[size] = '\0';
    text(s);
    free(s);
    if (ip_from_span(span_of(data, size), &a) == OK)
        MUST(span_eq(ip_span(&a), span_of(data, size)));
    return 0;
}
