/* config_file: the files that a configuration names. They are read at start, bounded, into memory
 * that is wiped. */
#pragma once

#include "node/config/config_json.h"

/* What the path at means: relative ones from the configuration's directory, "credential:NAME" from
 * systemd's credential directory. cap as ret. */
MUST_USE enum err config_path(const struct jat *at, char *ret, size_t cap);

/* The file's octets (up to 256 KiB). what: "the certificate", for the error. secret: warns when
 * others than owner and group may read it. Wipe with bytes_wipe_free. */
MUST_USE enum err config_file_read(const struct jat *at, const char *what, bool secret,
                                   struct bytes *ret);
/* The first line of a secret file, without spaces around it; never empty. */
MUST_USE enum err config_file_line(const struct jat *at, const char *what, struct bytes *ret);
/* Lines "id hexkey state"; # begins a comment. Exactly one active key. */
MUST_USE enum err config_ring_keys(const struct jat *at, struct config_cluster *c);
