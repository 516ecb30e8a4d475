/* certs: a CA and two end certificates, made when the test runs. */
#pragma once

#include "node/sa/policy.h"

/* The tests' wall clock begins here; certificates are valid a day around it. */
#define PAIR_WALL_S 1700000000ull

/* Both connections sign with certificates of one new CA, under these host names. */
void certs_for(struct policy_conn *a, struct policy_conn *b, const char *name_a,
               const char *name_b);
