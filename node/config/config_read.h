/* config_read: the parts of the file, one reader each. All are handed an object that exists. */
#pragma once

#include "node/config/config_file.h"

MUST_USE enum err config_read_daemon(const struct jat *root, struct config *c);
MUST_USE enum err config_read_timers(const struct jat *at, struct policy *p);
/* pools may be NULL (absent). */
MUST_USE enum err config_read_pools(const struct jat *root, struct policy_pool **ret,
                                    size_t *ret_n);
MUST_USE enum err config_read_conn(const struct jat *at, const struct policy_pool *pools,
                                   size_t n_pools, struct policy_conn *conn);
MUST_USE enum err config_read_child(const struct jat *at, const struct policy_conn *conn,
                                    struct policy_child *child);
/* "192.0.2.1" or "192.0.2.1:500" (port 0 when it is not there). */
MUST_USE enum err config_read_address(const struct jat *at, struct endpoint *ret);
/* Names of connections, children, pools: letters, digits, dot, dash, underscore. */
MUST_USE enum err config_read_name(const struct jat *at, char ret[LIMIT_NAME]);
