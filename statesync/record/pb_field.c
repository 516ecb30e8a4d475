#include "statesync/record/pb_field.h"

#include <string.h>

static void fail(enum err *e, enum err with)
{
    if (*e == OK)
        *e = with;
}

uint8_t pb_u8(uint32_t v, enum err *e)
{
    if (v > UINT8_MAX)
        fail(e, E_BAD_VALUE);
    return (uint8_t)v;
}

uint16_t pb_u16(uint32_t v, enum err *e)
{
    if (v > UINT16_MAX)
        fail(e, E_BAD_VALUE);
    return (uint16_t)v;
}

uint16_t pb_node(uint32_t v, enum err *e)
{
    if (v == 0 || v > 0xfff)
        fail(e, E_BAD_VALUE);
    return (uint16_t)v;
}

void pb_name(const char *v, char ret[LIMIT_NAME], enum err *e)
{
    size_t len = v == NULL ? 0 : strlen(v);

    if (len >= LIMIT_NAME)
        fail(e, E_LIMIT);
    for (size_t i = 0; i < len && *e == OK; i++)
        if ((uint8_t)v[i] < 0x20 || v[i] == 0x7f)
            fail(e, E_BAD_VALUE);
    if (*e != OK)
        return;
    memset(ret, 0, LIMIT_NAME);
    if (len > 0)
        memcpy(ret, v, len);
}

struct ip_addr pb_ip(ProtobufCBinaryData v, enum err *e)
{
    struct ip_addr a = { 0 };

    if (v.len != 0 && ip_from_span(span_of(v.data, v.len), &a) != OK)
        fail(e, E_BAD_VALUE);
    return a;
}

struct endpoint pb_endpoint(const Ikestra__Endpoint *v, enum err *e)
{
    struct endpoint ep = { 0 };

    if (v == NULL)
        return ep;
    pb_known(&v->base, e);
    ep.addr = pb_ip(v->ip, e);
    ep.port = pb_u16(v->port, e);
    if (ep.addr.family == 0 && ep.port != 0)
        fail(e, E_BAD_VALUE);
    return ep;
}

void pb_secret(ProtobufCBinaryData v, struct secret *ret, enum err *e)
{
    if (*e == OK)
        *e = secret_set(ret, span_of(v.data, v.len));
}

void pb_bytes(ProtobufCBinaryData v, size_t max, struct bytes *ret, enum err *e)
{
    if (v.len > max)
        fail(e, E_LIMIT);
    if (*e == OK)
        *e = bytes_copy(span_of(v.data, v.len), ret);
}

bool pb_fixed(ProtobufCBinaryData v, uint8_t *out, size_t len, enum err *e)
{
    if (v.len != 0 && v.len != len)
        fail(e, E_BAD_LENGTH);
    if (*e != OK)
        return false;
    memset(out, 0, len);
    if (v.len != 0)
        memcpy(out, v.data, len);
    return v.len != 0;
}

void pb_known(const ProtobufCMessage *m, enum err *e)
{
    if (m != NULL && m->n_unknown_fields > 0)
        fail(e, E_BAD_VERSION);
}

ProtobufCBinaryData pb_of(struct span s)
{
    union {
        const uint8_t *from;
        uint8_t *to;
    } p = { .from = s.p };

    return (ProtobufCBinaryData){ s.len, p.to };
}

char *pb_of_name(const char *name)
{
    union {
        const char *from;
        char *to;
    } p = { .from = name };

    return p.to;
}

Ikestra__Endpoint pb_of_endpoint(const struct endpoint *v)
{
    Ikestra__Endpoint ep = IKESTRA__ENDPOINT__INIT;

    ep.ip = pb_of(ip_span(&v->addr));
    ep.port = v->port;
    return ep;
}
