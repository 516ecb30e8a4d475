#include "node/dataplane/udp_sockaddr.h"

#include <string.h>

#include <arpa/inet.h>
#include <netinet/in.h>

socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ret)
{
    struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(e->port) };
    struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(e->port) };

    if (e->addr.family == 6) {
        memcpy(&in6.sin6_addr, e->addr.ip, 16);
        memcpy(ret, &in6, sizeof(in6));
        return sizeof(in6);
    }
    memcpy(&in.sin_addr, e->addr.ip, 4);
    memcpy(ret, &in, sizeof(in));
    return sizeof(in);
}

bool sockaddr_to_endpoint(const struct sockaddr_storage *ss, struct endpoint *ret)
{
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
    struct endpoint e = { 0 };

    if (ss->ss_family == AF_INET) {
        memcpy(&in, ss, sizeof(in));
        e.addr.family = 4;
        memcpy(e.addr.ip, &in.sin_addr, 4);
        e.port = ntohs(in.sin_port);
    } else if (ss->ss_family == AF_INET6) {
        memcpy(&in6, ss, sizeof(in6));
        e.addr.family = 6;
        memcpy(e.addr.ip, &in6.sin6_addr, 16);
        e.port = ntohs(in6.sin6_port);
    } else {
        return false;
    }
    *ret = e;
    return true;
}
