#include "node/dataplane/tun_dev.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include <linux/if_tun.h>
#include <linux/virtio_net.h>
#include <net/if.h>
#include <sys/ioctl.h>
#include <sys/uio.h>

#ifndef TUN_F_USO4
#define TUN_F_USO4 0x20
#define TUN_F_USO6 0x40
#endif
#ifndef VIRTIO_NET_HDR_GSO_UDP_L4
#define VIRTIO_NET_HDR_GSO_UDP_L4 5
#endif

static void set_offloads(struct tun_dev *t)
{
    unsigned base = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6 | TUN_F_TSO_ECN;

    t->uso = ioctl(t->fd, TUNSETOFFLOAD, (unsigned long)(base | TUN_F_USO4 | TUN_F_USO6)) == 0;
    /* Without it the kernel simply segments and checksums before we read. */
    if (!t->uso)
        (void)ioctl(t->fd, TUNSETOFFLOAD, (unsigned long)base);
}

enum err tun_dev_open(const char *name, bool offload, struct tun_dev *ret)
{
    struct tun_dev t = { .fd = open("/dev/net/tun", O_RDWR | O_CLOEXEC | O_NONBLOCK) };
    struct ifreq ifr = { .ifr_flags = IFF_TUN | IFF_NO_PI };
    int saved;

    if (t.fd < 0)
        return E_IO;
    if (strlen(name) >= sizeof(ifr.ifr_name)) {
        errno = ENAMETOOLONG;
        goto fail;
    }
    if (offload)
        ifr.ifr_flags |= IFF_VNET_HDR;
    memcpy(ifr.ifr_name, name, strlen(name));
    if (ioctl(t.fd, TUNSETIFF, &ifr) != 0)
        goto fail;
    memcpy(t.name, ifr.ifr_name, sizeof(t.name));
    t.ifindex = if_nametoindex(t.name);
    if (t.ifindex == 0)
        goto fail;
    t.vnet_hdr = offload;
    if (offload)
        set_offloads(&t);
    *ret = t;
    return OK;
fail:
    saved = errno;
    close(t.fd);
    errno = saved;
    return E_IO;
}

void tun_dev_close(struct tun_dev *t)
{
    if (t->fd >= 0)
        close(t->fd);
    t->fd = -1;
}

static enum err read_vnet(const uint8_t *buf, struct tun_offload *ret)
{
    struct virtio_net_hdr h;

    memcpy(&h, buf, sizeof(h));
    *ret = (struct tun_offload){ .needs_csum = (h.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM) != 0,
                                 .gso_size = h.gso_size,
                                 .csum_start = h.csum_start,
                                 .csum_offset = h.csum_offset };
    switch (h.gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
    case VIRTIO_NET_HDR_GSO_NONE:
        ret->gso = TUN_GSO_NONE;
        return OK;
    case VIRTIO_NET_HDR_GSO_TCPV4:
    case VIRTIO_NET_HDR_GSO_TCPV6:
        ret->gso = TUN_GSO_TCP;
        return OK;
    case VIRTIO_NET_HDR_GSO_UDP_L4:
        ret->gso = TUN_GSO_UDP;
        return OK;
    default:
        return E_BAD_VALUE;
    }
}

enum err tun_dev_read(const struct tun_dev *t, uint8_t *buf, struct span *ret_packet,
                      struct tun_offload *ret_offload)
{
    size_t head = t->vnet_hdr ? sizeof(struct virtio_net_hdr) : 0;
    ssize_t n;

    do
        n = read(t->fd, buf, TUN_PACKET_MAX);
    while (n < 0 && errno == EINTR);
    if (n < 0)
        return errno == EAGAIN || errno == EWOULDBLOCK ? E_NOT_FOUND : E_IO;
    if ((size_t)n <= head)
        return E_TRUNCATED;
    *ret_offload = (struct tun_offload){ .gso = TUN_GSO_NONE };
    if (t->vnet_hdr)
        TRY(read_vnet(buf, ret_offload));
    *ret_packet = span_of(buf + head, (size_t)n - head);
    return OK;
}

enum err tun_dev_write(const struct tun_dev *t, const struct tun_offload *offload,
                       size_t header_len, uint8_t version, struct iovec *iov, unsigned n)
{
    struct virtio_net_hdr h = { 0 };
    unsigned first = t->vnet_hdr ? 0 : 1;
    ssize_t r;

    if (offload->gso != TUN_GSO_NONE) {
        h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
        h.gso_type = offload->gso == TUN_GSO_UDP ? VIRTIO_NET_HDR_GSO_UDP_L4
                     : version == 4              ? VIRTIO_NET_HDR_GSO_TCPV4
                                                 : VIRTIO_NET_HDR_GSO_TCPV6;
        h.hdr_len = (uint16_t)header_len;
        h.gso_size = offload->gso_size;
        h.csum_start = offload->csum_start;
        h.csum_offset = offload->csum_offset;
    }
    iov[0] = (struct iovec){ &h, sizeof(h) };
    do
        r = writev(t->fd, iov + first, (int)(n + 1 - first));
    while (r < 0 && errno == EINTR);
    return r < 0 ? E_IO : OK;
}
