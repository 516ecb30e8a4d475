#include "node/exchange/transitions.h"

#define S(name) (1u << SS_##name)
#define K(name) (1u << RQ_##name)
#define P(name) PL_BIT(PL_##name)

enum { SK_LIVE = S(ESTABLISHED) | S(REKEYED) | S(DELETING) };

static const struct transition table[] = {
    /* I -> R: HDR, SAi1, KEi, Ni */
    { .states = S(NONE),
      .exchange = EX_IKE_SA_INIT,
      .role = TR_REQUEST,
      .need_clear = P(SA) | P(KE) | P(NONCE),
      .name = "ike-sa-init-request",
      .handle = ike_sa_init_request },

    /* R -> I: HDR, SAr1, KEr, Nr   or   N(COOKIE)   or   N(INVALID_KE_PAYLOAD) */
    { .states = S(INIT_SENT),
      .exchange = EX_IKE_SA_INIT,
      .role = TR_RESPONSE,
      .kinds = K(INIT),
      .name = "ike-sa-init-response",
      .handle = ike_sa_init_response },

    /* I -> R: HDR, SK { IDi, [CERT,] [CERTREQ,] [IDr,] AUTH, [CP,] SAi2, TSi, TSr } */
    { .states = S(HALF_OPEN),
      .exchange = EX_IKE_AUTH,
      .role = TR_REQUEST,
      .need_clear = P(SK),
      .need_sk = P(IDI) | P(AUTH) | P(SA) | P(TSI) | P(TSR),
      .name = "ike-auth-request",
      .handle = ike_auth_request },

    /* R -> I: HDR, SK { IDr, [CERT,] AUTH, [CP,] SAr2, TSi, TSr }   or   SK { N(error) } */
    { .states = S(AUTH_SENT),
      .exchange = EX_IKE_AUTH,
      .role = TR_RESPONSE,
      .kinds = K(AUTH),
      .need_clear = P(SK),
      .name = "ike-auth-response",
      .handle = ike_auth_response },

    /* I -> R: HDR, SK { N(REKEY_SA), SA, Ni, [KEi,] TSi, TSr } */
    { .states = SK_LIVE,
      .exchange = EX_CREATE_CHILD_SA,
      .role = TR_REQUEST,
      .need_clear = P(SK),
      .notify = N_REKEY_SA,
      .need_sk = P(SA) | P(NONCE) | P(TSI) | P(TSR),
      .name = "rekey-child-request",
      .handle = rekey_child_request },

    /* I -> R: HDR, SK { SA, Ni, [KEi,] TSi, TSr } */
    { .states = SK_LIVE,
      .exchange = EX_CREATE_CHILD_SA,
      .role = TR_REQUEST,
      .need_clear = P(SK),
      .need_sk = P(SA) | P(NONCE) | P(TSI) | P(TSR),
      .name = "create-child-request",
      .handle = create_child_request },

    /* I -> R: HDR, SK { SA, Ni, KEi } */
    { .states = SK_LIVE,
      .exchange = EX_CREATE_CHILD_SA,
      .role = TR_REQUEST,
      .need_clear = P(SK),
      .need_sk = P(SA) | P(NONCE) | P(KE),
      .not_sk = P(TSI) | P(TSR),
      .name = "rekey-ike-request",
      .handle = rekey_ike_request },

    /* R -> I: HDR, SK { SA, Nr, [KEr,] TSi, TSr }   or   SK { N(error) } */
    { .states = SK_LIVE,
      .exchange = EX_CREATE_CHILD_SA,
      .role = TR_RESPONSE,
      .need_clear = P(SK),
      .kinds = K(CREATE_CHILD) | K(REKEY_CHILD),
      .name = "create-child-response",
      .handle = create_child_response },

    /* R -> I: HDR, SK { SA, Nr, KEr }   or   SK { N(error) } */
    { .states = SK_LIVE,
      .exchange = EX_CREATE_CHILD_SA,
      .role = TR_RESPONSE,
      .need_clear = P(SK),
      .kinds = K(REKEY_IKE),
      .name = "rekey-ike-response",
      .handle = rekey_ike_response },

    /* either: HDR, SK { [N,] [D,] [CP,] ... } */
    { .states = SK_LIVE,
      .exchange = EX_INFORMATIONAL,
      .role = TR_REQUEST,
      .need_clear = P(SK),
      .name = "informational-request",
      .handle = informational_request },
    { .states = SK_LIVE,
      .exchange = EX_INFORMATIONAL,
      .role = TR_RESPONSE,
      .need_clear = P(SK),
      .kinds = K(DELETE_CHILD) | K(DELETE_IKE) | K(DPD) | K(INFORMATIONAL),
      .name = "informational-response",
      .handle = informational_response },
};

static bool fits(const struct transition *t, const struct exchange *x, unsigned state,
                 enum trans_role role)
{
    uint64_t sk = x->inner == NULL ? 0 : x->inner->set;
    /* A message that came as fragments had SKF in clear: for the table it is SK. */
    uint64_t clear = x->clear->set | ((x->clear->set & P(SKF)) != 0 ? P(SK) : 0);

    if (t->exchange != x->h->exchange || t->role != role || (t->states >> state & 1) == 0)
        return false;
    if (t->kinds != 0 && (t->kinds >> x->sa->r.request.kind & 1) == 0)
        return false;
    if ((clear & t->need_clear) != t->need_clear || (sk & t->need_sk) != t->need_sk ||
        (sk & t->not_sk) != 0)
        return false;
    return t->notify == 0 || (x->inner != NULL && notify_has(x->inner, t->notify));
}

const struct transition *transition_find(const struct exchange *x, unsigned state,
                                         enum trans_role role)
{
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (fits(&table[i], x, state, role))
            return &table[i];
    return NULL;
}

const struct transition *transition_table(size_t *ret_n)
{
    *ret_n = sizeof table / sizeof table[0];
    return table;
}
