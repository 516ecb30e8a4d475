/* udp_sockaddr: endpoints as the kernel writes them. */
#pragma once

#include <sys/socket.h>

#include "statesync/base/addr.h"

/* Length of the address written; ss_family is AF_INET or AF_INET6. */
socklen_t endpoint_to_sockaddr(const struct endpoint *e, struct sockaddr_storage *ret);
/* False for another family. */
MUST_USE bool sockaddr_to_endpoint(const struct sockaddr_storage *ss, struct endpoint *ret);
