/* xfrm_shim: a preloaded library that lets charon's kernel-netlink believe in a kernel with ESP.
 *
 * Messages on NETLINK_XFRM sockets are acknowledged at once, in the process and without a system
 * call, and forgotten: a handshake then costs charon what IKE costs it, as with the no-op kernel of
 * its own load tester (which Debian does not ship). Only ALLOCSPI gets a real answer: a new SPI.
 * Other sockets go to the C library. For measurements only. */
#include <dlfcn.h>
#include <errno.h>
#include <linux/netlink.h>
#include <linux/xfrm.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <arpa/inet.h>
#include <sys/select.h>
#include <sys/socket.h>

enum { FDS = 1024, REPLIES = 64, REPLY = 512 };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static unsigned char is_xfrm[FDS];
static struct reply {
    int fd;
    size_t len;
    unsigned char data[REPLY];
} replies[REPLIES];
static uint32_t next_spi = 0xc0000000u;

int socket(int domain, int type, int protocol)
{
    static int (*real)(int, int, int);
    int fd;

    if (real == NULL)
        real = (int (*)(int, int, int))dlsym(RTLD_NEXT, "socket");
    fd = real(domain, type, protocol);
    /* A kernel without XFRM: any netlink socket will do, nothing is sent on it. */
    if (fd < 0 && domain == AF_NETLINK && protocol == NETLINK_XFRM)
        fd = real(domain, type, NETLINK_USERSOCK);
    if (fd >= 0 && fd < FDS)
        is_xfrm[fd] = domain == AF_NETLINK && protocol == NETLINK_XFRM;
    return fd;
}

static void answer(struct reply *r, int fd, const struct nlmsghdr *in)
{
    struct nlmsghdr h = { .nlmsg_seq = in->nlmsg_seq, .nlmsg_pid = in->nlmsg_pid };

    memset(r->data, 0, sizeof r->data);
    if (in->nlmsg_type == XFRM_MSG_ALLOCSPI) {
        struct xfrm_usersa_info sa;

        memcpy(&sa, NLMSG_DATA(in), sizeof sa); /* xfrm_userspi_info begins with it */
        sa.id.spi = htonl(next_spi++);
        h.nlmsg_type = XFRM_MSG_NEWSA;
        h.nlmsg_len = NLMSG_LENGTH(sizeof sa);
        memcpy(r->data + NLMSG_HDRLEN, &sa, sizeof sa);
    } else {
        struct nlmsgerr e = { .error = 0, .msg = *in };

        h.nlmsg_type = NLMSG_ERROR;
        h.nlmsg_len = NLMSG_LENGTH(sizeof e);
        memcpy(r->data + NLMSG_HDRLEN, &e, sizeof e);
    }
    memcpy(r->data, &h, sizeof h);
    r->len = h.nlmsg_len;
    r->fd = fd + 1;
}

ssize_t sendto(int fd, const void *buf, size_t len, int flags, const struct sockaddr *to,
               socklen_t tolen)
{
    static ssize_t (*real)(int, const void *, size_t, int, const struct sockaddr *, socklen_t);

    if (real == NULL)
        real = (ssize_t(*)(int, const void *, size_t, int, const struct sockaddr *,
                           socklen_t))dlsym(RTLD_NEXT, "sendto");
    if (fd < 0 || fd >= FDS || !is_xfrm[fd] || len < NLMSG_HDRLEN)
        return real(fd, buf, len, flags, to, tolen);
    pthread_mutex_lock(&lock);
    for (int i = 0; i < REPLIES; i++)
        if (replies[i].fd == 0) {
            answer(&replies[i], fd, buf);
            break;
        }
    pthread_mutex_unlock(&lock);
    return (ssize_t)len;
}

/* The answer waiting for this socket; -1: none. */
static ssize_t take(int fd, void *buf, size_t len, int flags)
{
    ssize_t n = -1;

    if (fd < 0 || fd >= FDS || !is_xfrm[fd])
        return -1;
    pthread_mutex_lock(&lock);
    for (int i = 0; i < REPLIES && n < 0; i++)
        if (replies[i].fd == fd + 1) {
            n = (ssize_t)(replies[i].len < len ? replies[i].len : len);
            memcpy(buf, replies[i].data, (size_t)n);
            if ((flags & MSG_PEEK) == 0)
                replies[i].fd = 0;
        }
    pthread_mutex_unlock(&lock);
    return n;
}

ssize_t recv(int fd, void *buf, size_t len, int flags)
{
    static ssize_t (*real)(int, void *, size_t, int);
    ssize_t n = take(fd, buf, len, flags);

    if (real == NULL)
        real = (ssize_t(*)(int, void *, size_t, int))dlsym(RTLD_NEXT, "recv");
    return n >= 0 ? n : real(fd, buf, len, flags);
}

ssize_t recvfrom(int fd, void *buf, size_t len, int flags, struct sockaddr *from,
                 socklen_t *fromlen)
{
    static ssize_t (*real)(int, void *, size_t, int, struct sockaddr *, socklen_t *);
    ssize_t n = take(fd, buf, len, flags);

    if (real == NULL)
        real = (ssize_t(*)(int, void *, size_t, int, struct sockaddr *, socklen_t *))dlsym(
            RTLD_NEXT, "recvfrom");
    if (n < 0)
        return real(fd, buf, len, flags, from, fromlen);
    if (from != NULL && fromlen != NULL) {
        memset(from, 0, *fromlen);
        from->sa_family = AF_NETLINK;
        *fromlen = sizeof(struct sockaddr_nl);
    }
    return n;
}

/* Asked before each recvfrom: an answer that waits here is there to be read. */
int select(int nfds, fd_set *in, fd_set *out, fd_set *err, struct timeval *timeout)
{
    static int (*real)(int, fd_set *, fd_set *, fd_set *, struct timeval *);
    int found = -1;

    if (real == NULL)
        real = (int (*)(int, fd_set *, fd_set *, fd_set *, struct timeval *))dlsym(RTLD_NEXT,
                                                                                   "select");
    pthread_mutex_lock(&lock);
    for (int i = 0; in != NULL && i < REPLIES && found < 0; i++)
        if (replies[i].fd > 0 && replies[i].fd <= nfds && FD_ISSET(replies[i].fd - 1, in))
            found = replies[i].fd - 1;
    pthread_mutex_unlock(&lock);
    if (found < 0)
        return real(nfds, in, out, err, timeout);
    FD_ZERO(in);
    FD_SET(found, in);
    return 1;
}
