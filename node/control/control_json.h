/* control_json: records and counters as JSON for the control socket. Never a key. */
#pragma once

#include <jansson.h>

#include "node/core/node.h"
#include "node/core/slots.h"
#include "statesync/record/session_record.h"

void cj_put(json_t *o, const char *key, json_t *v); /* takes v */
json_t *cj_text(const char *s);                     /* "?" for what is not UTF-8 */
json_t *cj_hex(uint64_t v, int digits);
/* detail: suites, selectors, times and reservations too. */
json_t *cj_session(const struct session_record *s, uint16_t owner, struct now now, bool detail);
json_t *cj_engine_stats(const struct engine_stats *st);
json_t *cj_node_stats(const struct node_stats *st);
json_t *cj_slots_stats(const struct slots_stats *st); /* NULL: null */
