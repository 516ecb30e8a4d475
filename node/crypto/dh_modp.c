/* dh_modp: Diffie-Hellman in the MODP groups of RFC 3526, generator 2.
 *
 * Exponents are shorter than the prime, at or above the first estimate of RFC 3526 8 for the
 * group's strength; the exponentiation is OpenSSL's constant-time one. */
#include "node/crypto/dh_group.h"

#include <openssl/bn.h>
#include <pthread.h>

enum { GROUPS = 3 };

static const struct {
    uint16_t group;
    uint16_t private_len;
    uint16_t prime_len;
    BIGNUM *(*prime)(BIGNUM *);
} groups[GROUPS] = {
    { ALG_DH_MODP_2048, 32, 256, BN_get_rfc3526_prime_2048 },
    { ALG_DH_MODP_3072, 40, 384, BN_get_rfc3526_prime_3072 },
    { ALG_DH_MODP_4096, 44, 512, BN_get_rfc3526_prime_4096 },
};

/* Made once, then only read. */
static struct {
    BIGNUM *p, *p_minus_1, *two;
    BN_MONT_CTX *mont;
} made[GROUPS];
static pthread_once_t made_once = PTHREAD_ONCE_INIT;

static void make_all(void)
{
    BN_CTX *bn = BN_CTX_new();

    for (size_t i = 0; bn != NULL && i < GROUPS; i++) {
        BIGNUM *p = groups[i].prime(NULL);
        BIGNUM *p1 = p == NULL ? NULL : BN_dup(p);
        BIGNUM *two = BN_new();
        BN_MONT_CTX *mont = BN_MONT_CTX_new();

        if (p != NULL && p1 != NULL && two != NULL && mont != NULL && BN_sub_word(p1, 1) == 1 &&
            BN_set_word(two, 2) == 1 && BN_MONT_CTX_set(mont, p, bn) == 1) {
            made[i].p = p;
            made[i].p_minus_1 = p1;
            made[i].two = two;
            made[i].mont = mont;
        } else {
            BN_free(p);
            BN_free(p1);
            BN_free(two);
            BN_MONT_CTX_free(mont);
        }
    }
    BN_CTX_free(bn);
}

/* GROUPS when the group is not ours or could not be made. */
static size_t find(uint16_t group)
{
    pthread_once(&made_once, make_all);
    for (size_t i = 0; i < GROUPS; i++)
        if (groups[i].group == group)
            return made[i].p == NULL ? (size_t)GROUPS : i;
    return GROUPS;
}

size_t dh_modp_private_len(uint16_t group)
{
    for (size_t i = 0; i < GROUPS; i++)
        if (groups[i].group == group)
            return groups[i].private_len;
    return 0;
}

/* base^priv mod p, padded to the prime's length. */
static enum err power(size_t i, const BIGNUM *base, struct span priv, uint8_t *out)
{
    BN_CTX *bn = BN_CTX_new();
    BIGNUM *x = BN_new();
    BIGNUM *r = BN_new();
    int len = groups[i].prime_len;
    enum err e = E_CRYPTO;

    if (bn == NULL || x == NULL || r == NULL || BN_bin2bn(priv.p, (int)priv.len, x) == NULL)
        goto out;
    BN_set_flags(x, BN_FLG_CONSTTIME);
    e = E_BAD_VALUE;
    if (BN_num_bits(x) < 2)
        goto out;
    e = E_CRYPTO;
    if (BN_mod_exp_mont_consttime(r, base, x, made[i].p, bn, made[i].mont) == 1 &&
        BN_bn2binpad(r, out, len) == len)
        e = OK;
out:
    BN_clear_free(r);
    BN_clear_free(x);
    BN_CTX_free(bn);
    return e;
}

enum err dh_modp_public(uint16_t group, struct span priv, uint8_t *out)
{
    size_t i = find(group);

    return i == GROUPS ? E_CRYPTO : power(i, made[i].two, priv, out);
}

enum err dh_modp_shared(uint16_t group, struct span priv, struct span peer, uint8_t *out)
{
    size_t i = find(group);
    BIGNUM *y;
    enum err e;

    if (i == GROUPS)
        return E_CRYPTO;
    y = BN_bin2bn(peer.p, (int)peer.len, NULL);
    if (y == NULL)
        return E_CRYPTO;
    /* RFC 6989 2.1: "the recipient MUST check that ... 1 < r < p - 1" (safe primes: enough). */
    if (BN_cmp(y, BN_value_one()) <= 0 || BN_cmp(y, made[i].p_minus_1) >= 0)
        e = E_BAD_VALUE;
    else
        e = power(i, y, priv, out);
    BN_free(y);
    return e;
}
