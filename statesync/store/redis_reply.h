/* redis_reply: a reply tree -> the result of an operation. Pure; a reply is outside bytes, so every
 * type, count and length is checked, and what is not ours is "malformed", never undefined. */
#pragma once

#include "statesync/store/redis_facts.h"
#include "statesync/store/store.h"

struct redisReply;

/* Why Redis refused. Each has a sentence that says what to do: redis_refusal_advice. */
enum redis_refusal {
    REFUSED_NOT = 0,
    REFUSED_NOSCRIPT,
    REFUSED_READONLY, /* a replica, or a primary that was demoted */
    REFUSED_LOADING,  /* reading its data set from disk */
    REFUSED_OOM,      /* maxmemory reached, and rightly nothing evicted */
    REFUSED_NOPERM,   /* ACL */
    REFUSED_NOAUTH,   /* wants a password */
    REFUSED_WRONGPASS,
    REFUSED_MISCONF,    /* cannot persist to disk */
    REFUSED_NOREPLICAS, /* min-replicas-to-write */
    REFUSED_BUSY,       /* a script runs for too long */
    REFUSED_CLUSTER,    /* MOVED, ASK, CLUSTERDOWN, ... */
    REFUSED_WRONGTYPE,  /* a key of ours holds something else */
    REFUSED_OTHER,
    REFUSED_COUNT
};

/* From the text of an error reply, "OOM command not allowed ...". */
enum redis_refusal redis_refusal_of(struct span text);

/* Nothing of the command was executed, for certain. */
bool redis_refusal_clean(enum redis_refusal r);

/* The connection is to the wrong place or without rights: connect again. */
bool redis_refusal_reset(enum redis_refusal r);

const char *redis_refusal_name(enum redis_refusal r);   /* "oom"; for logs and metrics */
const char *redis_refusal_advice(enum redis_refusal r); /* what it means and what to do */

/* What was asked, as far as reading the answer needs it. */
struct redis_asked {
    enum store_kind kind;
    uint64_t ticket;
    uint16_t slot;
    uint16_t n_slots;
    uint64_t expect;                  /* PUT */
    bool put_delete;                  /* PUT with an empty value */
    struct token token, expect_token; /* CLAIM */
    struct incarnation incarnation;   /* CLAIM: the one that the command carried */
};

enum redis_verdict {
    REPLY_ANSWER,      /* result is complete */
    REPLY_REFUSED,     /* error reply: refusal says which; result.err DOWN or UNKNOWN */
    REPLY_INCARNATION, /* CLAIM, not executed: facts are the server's now (primary says its role) */
    REPLY_MALFORMED    /* not a reply to this; result.err as for a lost one */
};

struct redis_answer {
    enum redis_verdict verdict;
    struct store_result result; /* spans and arrays point into the reply and into this answer */
    enum redis_refusal refusal;
    struct redis_facts facts;
    size_t skipped;              /* stored values that are not ours, left out */
    struct store_row *rows;      /* owned */
    struct store_entry *entries; /* owned */
};

/* E_NOMEM, nothing in *ret_a then. Otherwise OK, and redis_answer_done frees; the reply must live
 * as long as the answer is used. */
MUST_USE enum err redis_answer_of(const struct redis_asked *asked, const struct redisReply *reply,
                                  struct redis_answer *ret_a);
void redis_answer_done(struct redis_answer *a);
