/* redis_facts: what an INFO reply says about the server, as far as it matters here. Pure. */
#pragma once

#include "statesync/base/span.h"
#include "statesync/record/token.h"

enum { REDIS_RUN_ID_LEN = 40 };

struct redis_facts {
    char run_id[REDIS_RUN_ID_LEN + 1];
    char replid[REDIS_RUN_ID_LEN + 1];
    bool primary;
    bool loading;
    bool evicts; /* maxmemory_policy is there and not noeviction */
    char policy[32];
    struct incarnation incarnation; /* from run_id and replid */
};

/* The text of INFO (all default sections). Unknown lines are ignored. E_NOT_FOUND: run_id,
 * master_replid or role is missing; E_BAD_VALUE: one of the ids is not 40 hexadecimal digits. */
MUST_USE enum err redis_facts_parse(struct span info, struct redis_facts *ret_facts);

/* From the two ids alone (a claim script's answer). E_BAD_VALUE. */
MUST_USE enum err redis_facts_ids(struct span run_id, struct span replid,
                                  struct redis_facts *ret_facts);
