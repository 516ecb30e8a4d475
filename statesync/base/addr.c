#include "statesync/base/addr.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ip_eq(const struct ip_addr *a, const struct ip_addr *b)
{
    return a->family == b->family && memcmp(a->ip, b->ip, ip_len(a)) == 0;
}

bool endpoint_eq(const struct endpoint *a, const struct endpoint *b)
{
    return a->port == b->port && ip_eq(&a->addr, &b->addr);
}

int ip_cmp(const struct ip_addr *a, const struct ip_addr *b)
{
    if (a->family != b->family)
        return a->family < b->family ? -1 : 1;
    return memcmp(a->ip, b->ip, ip_len(a));
}

enum err ip_from_span(struct span s, struct ip_addr *ret)
{
    struct ip_addr a = { 0 };

    if (s.len != 4 && s.len != 16)
        return E_BAD_LENGTH;
    a.family = s.len == 4 ? 4 : 6;
    memcpy(a.ip, s.p, s.len);
    *ret = a;
    return OK;
}

enum err ip_parse(const char *s, struct ip_addr *ret)
{
    struct ip_addr a = { 0 };

    if (inet_pton(AF_INET, s, a.ip) == 1)
        a.family = 4;
    else if (inet_pton(AF_INET6, s, a.ip) == 1)
        a.family = 6;
    else
        return E_BAD_VALUE;
    *ret = a;
    return OK;
}

static enum err number(const char *s, unsigned long max, unsigned long *ret)
{
    char *end;
    unsigned long v;

    if (*s < '0' || *s > '9' || strlen(s) > 5)
        return E_BAD_VALUE;
    v = strtoul(s, &end, 10);
    if (*end != '\0' || v > max)
        return E_BAD_VALUE;
    *ret = v;
    return OK;
}

enum err prefix_parse(const char *s, struct ip_prefix *ret)
{
    char host[IP_TEXT_MAX];
    const char *slash = strchr(s, '/');
    size_t n = slash == NULL ? strlen(s) : (size_t)(slash - s);
    struct ip_prefix p;
    unsigned long bits;

    if (n >= sizeof host)
        return E_BAD_VALUE;
    memcpy(host, s, n);
    host[n] = '\0';
    TRY(ip_parse(host, &p.addr));
    bits = ip_len(&p.addr) * 8;
    if (slash != NULL)
        TRY(number(slash + 1, bits, &bits));
    p.bits = (uint8_t)bits;
    *ret = p;
    return OK;
}

enum err endpoint_parse(const char *s, struct endpoint *ret)
{
    char host[IP_TEXT_MAX];
    const char *colon = strrchr(s, ':');
    struct endpoint e;
    unsigned long port;
    size_t n;

    if (colon == NULL)
        return E_BAD_VALUE;
    n = (size_t)(colon - s);
    if (n >= 2 && s[0] == '[' && s[n - 1] == ']') {
        s++;
        n -= 2;
    } else if (memchr(s, ':', n) != NULL) {
        return E_BAD_VALUE;
    }
    if (n >= sizeof host)
        return E_BAD_VALUE;
    memcpy(host, s, n);
    host[n] = '\0';
    TRY(ip_parse(host, &e.addr));
    TRY(number(colon + 1, 65535, &port));
    e.port = (uint16_t)port;
    *ret = e;
    return OK;
}

const char *ip_text(const struct ip_addr *a, char out[IP_TEXT_MAX])
{
    if (a->family == 0 ||
        inet_ntop(a->family == 4 ? AF_INET : AF_INET6, a->ip, out, IP_TEXT_MAX) == NULL)
        snprintf(out, IP_TEXT_MAX, "none");
    return out;
}

const char *endpoint_text(const struct endpoint *e, char out[ENDPOINT_TEXT_MAX])
{
    char ip[IP_TEXT_MAX];

    snprintf(out, ENDPOINT_TEXT_MAX, e->addr.family == 6 ? "[%s]:%u" : "%s:%u",
             ip_text(&e->addr, ip), e->port);
    return out;
}

const char *prefix_text(const struct ip_prefix *p, char out[IP_TEXT_MAX])
{
    char ip[IP_TEXT_MAX];

    ip_text(&p->addr, ip);
    if (snprintf(out, IP_TEXT_MAX, "%.50s/%u", ip, p->bits) >= IP_TEXT_MAX)
        out[IP_TEXT_MAX - 1] = '\0';
    return out;
}

bool prefix_contains(const struct ip_prefix *p, const struct ip_addr *a)
{
    size_t whole = p->bits / 8;
    unsigned rest = p->bits % 8;

    if (p->addr.family != a->family)
        return false;
    if (memcmp(p->addr.ip, a->ip, whole) != 0)
        return false;
    return rest == 0 || (p->addr.ip[whole] ^ a->ip[whole]) >> (8 - rest) == 0;
}

struct ip_addr ip_add(const struct ip_addr *a, uint64_t n)
{
    struct ip_addr r = *a;
    unsigned carry = 0;

    for (size_t i = ip_len(a); i-- > 0 && (n > 0 || carry > 0);) {
        carry += r.ip[i] + (unsigned)(n & 0xff);
        r.ip[i] = (uint8_t)carry;
        carry >>= 8;
        n >>= 8;
    }
    return r;
}
