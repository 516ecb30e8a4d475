/* ts_match: does a packet fit the traffic selectors of an SA? Pure. RFC 4301 4.4.1.1, 5.2. */
#pragma once

#include "node/dataplane/dataplane.h"
#include "node/dataplane/ip_packet.h"

/* One side of a packet (address and port of it) against one selector. A packet without ports (other
 * protocols, later fragments) fits only selectors with all ports (RFC 4301 7.1). */
bool ts_match_one(const struct dp_selector *ts, const struct ip_packet *p,
                  const struct ip_addr *addr, uint16_t port);
/* A packet that we send (source is local) or received (source is remote). */
bool ts_match_out(const struct dp_selector *local, size_t n_local, const struct dp_selector *remote,
                  size_t n_remote, const struct ip_packet *p);
bool ts_match_in(const struct dp_selector *local, size_t n_local, const struct dp_selector *remote,
                 size_t n_remote, const struct ip_packet *p);
