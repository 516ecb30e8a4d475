/* tun_dev: opens a TUN device, and moves single (super-)packets with their vnet_hdr. */
#pragma once

#include "node/dataplane/segment.h"

struct iovec;

enum { TUN_PACKET_MAX = 65536 + 64 };

struct tun_dev {
    int fd;
    unsigned ifindex;
    char name[16];
    bool vnet_hdr; /* packets carry offload information */
    bool uso;      /* the kernel gives and takes joined UDP packets too */
};

/* name "" lets the kernel choose. E_IO: errno says why. The device is down and has no address. */
MUST_USE enum err tun_dev_open(const char *name, bool offload, struct tun_dev *ret);
void tun_dev_close(struct tun_dev *t);

/* One packet; buf is TUN_PACKET_MAX octets. E_NOT_FOUND: none now. E_IO, or E_TRUNCATED and
 * E_BAD_VALUE for a packet that cannot be used. */
MUST_USE enum err tun_dev_read(const struct tun_dev *t, uint8_t *buf, struct span *ret_packet,
                               struct tun_offload *ret_offload);
/* One packet from n parts (at most 127); iov[0] is left free by the caller for the header. */
MUST_USE enum err tun_dev_write(const struct tun_dev *t, const struct tun_offload *offload,
                                size_t header_len, uint8_t version, struct iovec *iov, unsigned n);
