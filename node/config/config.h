/* config: what the configuration file says, checked. docs/configuration.md names every key.
 *
 * Reading is all or nothing: the first thing that is wrong ends it with one line that names its
 * path in the file and says what would be right. Files that are named (keys, certificates,
 * passwords) are read here too, so that a daemon that starts has them. */
#pragma once

#include "node/sa/policy.h"
#include "statesync/base/addr.h"
#include "statesync/base/limits.h"
#include "statesync/base/log.h"
#include "statesync/base/secret.h"

enum { CONFIG_PATH = 256, CONFIG_ERROR = 512, CONFIG_KEYS = 16, CONFIG_WARNINGS = 16 };

enum config_store { CONFIG_STORE_MEMORY, CONFIG_STORE_REDIS };

/* As enum key_state of the key ring, which this folder cannot see. */
enum config_key_state { CONFIG_KEY_ACTIVE = 1, CONFIG_KEY_DECRYPT_ONLY, CONFIG_KEY_RETIRED };

struct config_peer {
    uint16_t node;
    char name[LIMIT_NAME];
    struct endpoint address;
};

struct config_key {
    uint32_t id;
    uint8_t state; /* enum config_key_state */
    struct secret key;
};

struct config_cluster {
    bool enabled;
    struct endpoint listen;
    struct config_peer peers[LIMIT_NODES];
    size_t n_peers;
    uint16_t slots;
    uint32_t heartbeat_ms, deadline_ms, lease_ms, holddown_ms;
    uint8_t suspect_missed;
    struct config_key keys[CONFIG_KEYS]; /* none: a random key for this run (memory store only) */
    size_t n_keys;
};

struct config_redis {
    char host[CONFIG_PATH];
    uint16_t port;
    char unix_path[CONFIG_PATH]; /* "": TCP */
    char user[LIMIT_NAME];       /* "": the default user */
    struct bytes password;       /* wiped by config_free */
    char password_file[CONFIG_PATH];
    uint32_t db, timeout_ms;
};

struct config_tun {
    char name[16];
    uint16_t mtu;
    bool raw_esp, offload;
};

struct config {
    uint16_t node_id;
    char node_name[LIMIT_NAME];
    uint8_t pop;
    char state_file[CONFIG_PATH]; /* "": none */
    struct config_cluster cluster;
    enum config_store store;
    struct config_redis redis;
    struct config_tun tun;
    struct ip_addr listen4, listen6; /* family 0: not on that family */
    char control_socket[CONFIG_PATH];
    enum log_level log_level;
    char log_file[CONFIG_PATH]; /* "": stderr */
    struct policy policy;
    struct ip_prefix *pools; /* every pool of the file, for fail-closed routes */
    size_t n_pools;
    char warnings[CONFIG_WARNINGS][CONFIG_ERROR]; /* one line each */
    size_t n_warnings;
};

/* Reads path. E_CONFIG: error holds one line, beginning with the file's name, without a newline;
 * E_NOMEM. Relative file names inside count from the configuration file's directory. */
MUST_USE enum err config_load(const char *path, struct config **ret, char error[CONFIG_ERROR]);
/* The same from memory; dir: for relative file names. */
MUST_USE enum err config_parse(struct span text, const char *dir, struct config **ret,
                               char error[CONFIG_ERROR]);
/* Wipes and frees; NULL is fine; returns NULL. */
struct config *config_free(struct config *c);
