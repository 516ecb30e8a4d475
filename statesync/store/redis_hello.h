/* redis_hello: the first words on a new connection, and what must be true before it is used. Pure.
 *
 * AUTH, SELECT, CLIENT SETNAME, CLIENT ID, INFO and SCRIPT LOAD leave in one write. When all are
 * answered and there was an earlier connection to the same run of the server, that one is killed
 * (CLIENT KILL ID): commands of it that the server has not read yet are then never executed. */
#pragma once

#include "statesync/base/wr.h"
#include "statesync/store/redis_reply.h"
#include "statesync/store/redis_script.h"

struct redis_login {
    const char *user;     /* NULL: default */
    struct span password; /* empty: no AUTH */
    int db;
    const char *client_name; /* NULL: none */
};

enum { HELLO_STEPS_MAX = 6 + SCRIPT_COUNT };

struct redis_hello {
    uint8_t steps[HELLO_STEPS_MAX];
    uint8_t n_steps, at;
    const struct redis_scripts *scripts;
    char last_run_id[REDIS_RUN_ID_LEN + 1]; /* earlier connection; empty: none */
    int64_t last_client_id;
    /* results */
    struct redis_facts facts;
    int64_t client_id; /* 0: not told */
    bool unfenced;     /* the earlier connection could not be killed */
    char why[112];     /* HELLO_FAILED: "wants a password: ..." */
};

enum redis_hello_verdict { HELLO_MORE, HELLO_READY, HELLO_FAILED };

/* Writes the commands to out. last_run_id may be empty. E_NOMEM, E_LIMIT. */
MUST_USE enum err redis_hello_start(struct redis_hello *h, const struct redis_login *login,
                                    const struct redis_scripts *scripts, const char *last_run_id,
                                    int64_t last_client_id, struct wr *out);

/* The next reply, in order. May write more to out. why never quotes the server: an error reply may
 * repeat the arguments of AUTH. */
enum redis_hello_verdict redis_hello_reply(struct redis_hello *h, const struct redisReply *reply,
                                           struct wr *out);
