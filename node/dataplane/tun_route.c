/* tun_route: rtnetlink requests, written with the project's writer and one acknowledgement read
 * back. Netlink is native byte order, so its fixed headers are copied as structs. */
#include "node/dataplane/tun_route.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sys/socket.h>
#include <sys/time.h>

enum { REQUEST_MAX = 512, ANSWER_MAX = 4096, ANSWER_WAIT_S = 2, QUEUE_PACKETS = 1024 };

struct request {
    _Alignas(struct nlmsghdr) uint8_t buf[REQUEST_MAX];
    size_t len;
};

static void put(struct request *q, const void *p, size_t len)
{
    memcpy(q->buf + q->len, p, len);
    q->len += len;
    q->len = NLMSG_ALIGN(q->len);
}

static void begin(struct request *q, uint16_t type, uint16_t flags, const void *body, size_t len)
{
    struct nlmsghdr h = { .nlmsg_type = type,
                          .nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags),
                          .nlmsg_seq = 1 };

    memset(q, 0, sizeof(*q));
    put(q, &h, sizeof(h));
    put(q, body, len);
}

static void attr(struct request *q, uint16_t type, const void *p, size_t len)
{
    struct rtattr a = { .rta_len = (unsigned short)RTA_LENGTH(len), .rta_type = type };

    put(q, &a, sizeof(a));
    put(q, p, len);
}

static enum err talk(int fd, struct request *q)
{
    _Alignas(struct nlmsghdr) uint8_t in[ANSWER_MAX];
    struct nlmsghdr h;
    struct nlmsgerr e;
    ssize_t n;

    memcpy(&h, q->buf, sizeof(h));
    h.nlmsg_len = (uint32_t)q->len;
    memcpy(q->buf, &h, sizeof(h));
    if (send(fd, q->buf, q->len, 0) != (ssize_t)q->len)
        return E_IO;
    n = recv(fd, in, sizeof(in), 0);
    if (n < 0)
        return E_IO;
    if ((size_t)n < sizeof(h) + sizeof(e))
        return E_TRUNCATED;
    memcpy(&h, in, sizeof(h));
    memcpy(&e, in + sizeof(h), sizeof(e));
    if (h.nlmsg_type != NLMSG_ERROR)
        return E_BAD_VALUE;
    errno = -e.error;
    return e.error == 0 ? OK : E_IO;
}

/* done: the errno that means that there was nothing to do. */
static enum err execute(struct request *q, int done)
{
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), saved;
    struct timeval wait = { .tv_sec = ANSWER_WAIT_S };
    enum err e;

    if (fd < 0)
        return E_IO;
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait));
    e = talk(fd, q);
    saved = errno;
    close(fd);
    errno = saved;
    return e == E_IO && saved == done ? OK : e;
}

/* No link-local address: it would send router solicitations into the tunnel. */
static void no_autoconf(unsigned ifindex)
{
    struct ifinfomsg m = { .ifi_index = (int)ifindex };
    struct rtattr spec, inet6, mode;
    uint8_t nested[3 * sizeof(struct rtattr) + 4] = { 0 };
    struct request q;

    mode = (struct rtattr){ (unsigned short)RTA_LENGTH(1), IFLA_INET6_ADDR_GEN_MODE };
    inet6 = (struct rtattr){ (unsigned short)RTA_LENGTH(RTA_SPACE(1)), AF_INET6 };
    spec = (struct rtattr){ (unsigned short)RTA_LENGTH(RTA_SPACE(RTA_SPACE(1))), IFLA_AF_SPEC };
    memcpy(nested, &spec, sizeof(spec));
    memcpy(nested + sizeof(spec), &inet6, sizeof(inet6));
    memcpy(nested + 2 * sizeof(spec), &mode, sizeof(mode));
    nested[3 * sizeof(spec)] = 1; /* IN6_ADDR_GEN_MODE_NONE */
    begin(&q, RTM_NEWLINK, 0, &m, sizeof(m));
    put(&q, nested, sizeof(nested));
    (void)execute(&q, 0); /* a kernel without IPv6 has nothing to switch off */
}

enum err tun_link_up(unsigned ifindex, uint32_t mtu)
{
    struct ifinfomsg m = { .ifi_index = (int)ifindex, .ifi_flags = IFF_UP, .ifi_change = IFF_UP };
    uint32_t queue = QUEUE_PACKETS;
    struct request q;

    no_autoconf(ifindex);
    begin(&q, RTM_NEWLINK, 0, &m, sizeof(m));
    if (mtu != 0)
        attr(&q, IFLA_MTU, &mtu, sizeof(mtu));
    attr(&q, IFLA_TXQLEN, &queue, sizeof(queue));
    return execute(&q, 0);
}

static enum err change_addr(uint16_t type, uint16_t flags, unsigned ifindex,
                            const struct ip_prefix *addr, int done)
{
    struct ifaddrmsg m = { .ifa_family = addr->addr.family == 4 ? AF_INET : AF_INET6,
                           .ifa_prefixlen = addr->bits,
                           .ifa_flags = IFA_F_NODAD,
                           .ifa_index = ifindex };
    struct request q;

    begin(&q, type, flags, &m, sizeof(m));
    attr(&q, IFA_LOCAL, addr->addr.ip, ip_len(&addr->addr));
    attr(&q, IFA_ADDRESS, addr->addr.ip, ip_len(&addr->addr));
    return execute(&q, done);
}

enum err tun_addr_add(unsigned ifindex, const struct ip_prefix *addr)
{
    return change_addr(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, ifindex, addr, EEXIST);
}

enum err tun_addr_del(unsigned ifindex, const struct ip_prefix *addr)
{
    return change_addr(RTM_DELADDR, 0, ifindex, addr, EADDRNOTAVAIL);
}

static enum err change_route(uint16_t type, uint16_t flags, uint8_t kind, const struct tun_route *r,
                             int done)
{
    struct rtmsg m = { .rtm_family = r->dst.addr.family == 4 ? AF_INET : AF_INET6,
                       .rtm_dst_len = r->dst.bits,
                       .rtm_table = r->table == 0    ? RT_TABLE_MAIN
                                    : r->table < 256 ? (unsigned char)r->table
                                                     : RT_TABLE_UNSPEC,
                       .rtm_type = kind };
    struct request q;

    if (type == RTM_NEWROUTE) {
        m.rtm_protocol = RTPROT_STATIC;
        m.rtm_scope =
            kind == RTN_UNICAST && r->dst.addr.family == 4 ? RT_SCOPE_LINK : RT_SCOPE_UNIVERSE;
    } else {
        m.rtm_scope = RT_SCOPE_NOWHERE; /* any */
    }
    begin(&q, type, flags, &m, sizeof(m));
    attr(&q, RTA_DST, r->dst.addr.ip, ip_len(&r->dst.addr));
    if (kind == RTN_UNICAST)
        attr(&q, RTA_OIF, &r->ifindex, sizeof(r->ifindex));
    if (r->metric != 0)
        attr(&q, RTA_PRIORITY, &r->metric, sizeof(r->metric));
    if (r->table >= 256)
        attr(&q, RTA_TABLE, &r->table, sizeof(r->table));
    if (r->src.family != 0 && type == RTM_NEWROUTE)
        attr(&q, RTA_PREFSRC, r->src.ip, ip_len(&r->src));
    return execute(&q, done);
}

enum err tun_route_add(const struct tun_route *r)
{
    return change_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE, RTN_UNICAST, r, EEXIST);
}

enum err tun_route_del(const struct tun_route *r)
{
    return change_route(RTM_DELROUTE, 0, RTN_UNICAST, r, ESRCH);
}

enum err tun_route_add_unreachable(const struct tun_route *r)
{
    return change_route(RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, RTN_UNREACHABLE, r, EEXIST);
}

enum err tun_route_del_unreachable(const struct tun_route *r)
{
    return change_route(RTM_DELROUTE, 0, RTN_UNREACHABLE, r, ESRCH);
}
