/* store_redis_inner: what the parts of the redis backend share. Not for others.
 *
 *   store_redis.c        new, free, submit, statistics
 *   store_redis_ops.c    operations: queue, written ones, deadlines, replies, results
 *   store_redis_link.c   the connection's life: connect, hello, watch, lose, wait, again
 *   store_redis_conn.c   bytes
 *
 * An operation is in at most one of three lists: done (its result is known, to be told in the next
 * turn), queue (not yet written), flight (written, replies come in this order). Besides, from
 * submit to its result, it is in one of two lists of deadlines. */
#pragma once

#include "statesync/store/redis_command.h"
#include "statesync/store/redis_hello.h"
#include "statesync/store/redis_reply.h"
#include "statesync/store/store_redis.h"
#include "statesync/store/store_redis_conn.h"

enum op_role { OP_STORE, OP_SCRIPT, OP_PROBE };

struct redis_op {
    struct redis_op *next;
    struct redis_op *due_prev, *due_next;
    enum op_role role;
    enum redis_script script; /* OP_SCRIPT */
    struct redis_asked asked;
    bool vouch;
    bool bulk; /* which list of deadlines */
    bool in_due;
    bool queued; /* not written yet */
    bool answered;
    uint8_t tries;
    enum err err; /* done list */
    uint64_t due_ms, start_ns;
    struct redis_command cmd;
};

struct op_list {
    struct redis_op *head, *tail;
    size_t n;
};

enum link_state { LINK_WAIT, LINK_HELLO, LINK_READY };

struct redis_store {
    struct store base; /* first: struct store * is struct redis_store * */
    uv_loop_t *loop;
    struct env *env;
    struct redis_endpoint at;
    char where[80]; /* for reasons: "redis 127.0.0.1:6379" */
    char user[128], client_name[64];
    struct bytes password;
    struct redis_login login;
    uint8_t pop;
    uint32_t timeout_ms;
    struct redis_scripts scripts;

    uv_prepare_t prepare;  /* before the loop waits: write what was queued */
    uv_check_t check;      /* after it waited: results without a reply, deadlines */
    uv_idle_t idle;        /* runs only to keep the loop from waiting */
    uv_timer_t due_timer;  /* next deadline or silence */
    uv_timer_t link_timer; /* back-off, hello's limit, or the next probe */
    unsigned handles;
    bool freed;
    bool check_due; /* the timer fired: look after the next poll, replies may be there already */

    enum link_state link;
    struct redis_conn *conn;
    struct redis_hello hello;
    struct redis_facts facts; /* of the connection in use */
    bool incarnation_told;
    bool told_up;
    char told_reason[sizeof((struct store_state *)0)->reason];
    bool stalled; /* READY but silent: nothing new is accepted */
    bool probing;
    bool script_loading[SCRIPT_COUNT];
    unsigned attempt; /* addresses of the name */
    uint32_t backoff_ms;
    char last_run_id[REDIS_RUN_ID_LEN + 1]; /* of the last connection that carried operations */
    int64_t last_client_id;

    struct op_list queue, flight, done;
    size_t queue_octets;
    struct redis_op *due_head[2], *due_tail[2]; /* [bulk] */
    uint64_t quiet_ms; /* when the server last gave a sign, or had nothing to answer */
    uint64_t received; /* redis_conn_received at that time */
    uint64_t refusal_logged_ms[REFUSED_COUNT];

    struct store_redis_stats stats;
};

/* Ends here for every function that can call out: a callback may have freed the store. The memory
 * lives until the handles are closed, so the flag can be read. */
static inline bool gone(const struct redis_store *s)
{
    return s->freed;
}

/* ---- store_redis_ops.c ---- */

void ops_submit(struct redis_store *s, const struct store_op *op);
/* Internal command at the end of the queue; takes cmd over. */
MUST_USE enum err ops_internal(struct redis_store *s, enum op_role role, enum redis_script script,
                               struct redis_command *cmd);
/* Write as much of the queue as the socket takes. E_IO: the connection is lost. */
MUST_USE enum err ops_write(struct redis_store *s);
/* The reply to the first operation in flight. NULL, or why the connection must be given up. */
const char *ops_reply(struct redis_store *s, const struct redisReply *reply);
/* The connection is lost: written operations E_STORE_UNKNOWN, the others E_STORE_DOWN. */
void ops_lost(struct redis_store *s);
/* Answer what passed its deadline by now. */
void ops_expire(struct redis_store *s, uint64_t now_ms);
/* Tell results that needed no reply. */
void ops_tell_done(struct redis_store *s);
/* When the due timer must run next; UINT64_MAX: nothing waits. */
uint64_t ops_next_due(const struct redis_store *s);
void ops_free_all(struct redis_store *s);

/* ---- store_redis_link.c ---- */

void link_start(struct redis_store *s);
/* Give the connection up and try again later. why: "is a replica: ..." */
void link_lose(struct redis_store *s, const char *why);
/* Facts of the running connection changed (a claim or a probe saw it): tell before any result. */
void link_facts(struct redis_store *s, const struct redis_facts *facts);
/* Silence: stop accepting, later give up. */
void link_watch(struct redis_store *s, uint64_t now_ms);
uint64_t link_next_watch(const struct redis_store *s);
/* A sign of life. */
void link_sign(struct redis_store *s);

/* Keep the loop from waiting: something is to be done in this turn. */
void store_redis_wake(struct redis_store *s);
void store_redis_arm(struct redis_store *s);
