/* ike_numbers: every number of the IKEv2 wire form, by its IANA name.
 *
 * Source: IANA "Internet Key Exchange Version 2 (IKEv2) Parameters"; the RFC is named where it is
 * not RFC 7296. The whole project names algorithms by these numbers. The ..._name functions give
 * the IANA name for logs and for `ikestra`, "unknown" for a number not listed here; never NULL. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* 3.1 */
enum exchange_type {
    EX_IKE_SA_INIT = 34,
    EX_IKE_AUTH = 35,
    EX_CREATE_CHILD_SA = 36,
    EX_INFORMATIONAL = 37,
    EX_IKE_SESSION_RESUME = 38, /* RFC 5723 */
    EX_IKE_INTERMEDIATE = 43,   /* RFC 9242 */
    EX_IKE_FOLLOWUP_KE = 44,    /* RFC 9370 */
};

/* 3.1: flag bits of the header. */
enum ike_flag {
    IKE_FLAG_INITIATOR = 0x08, /* set by the original initiator of the IKE SA */
    IKE_FLAG_VERSION = 0x10,
    IKE_FLAG_RESPONSE = 0x20,
};

/* 3.2 */
enum payload_type {
    PL_NONE = 0,
    PL_SA = 33,
    PL_KE = 34,
    PL_IDI = 35,
    PL_IDR = 36,
    PL_CERT = 37,
    PL_CERTREQ = 38,
    PL_AUTH = 39,
    PL_NONCE = 40,
    PL_NOTIFY = 41,
    PL_DELETE = 42,
    PL_VENDOR = 43,
    PL_TSI = 44,
    PL_TSR = 45,
    PL_SK = 46,
    PL_CP = 47,
    PL_EAP = 48,
    PL_SKF = 53, /* RFC 7383 */
};

/* 3.3.1 */
enum protocol_id { PROTO_NONE = 0, PROTO_IKE = 1, PROTO_AH = 2, PROTO_ESP = 3 };

/* 3.3.2 */
enum transform_type {
    TRANSFORM_ENCR = 1,
    TRANSFORM_PRF = 2,
    TRANSFORM_INTEG = 3,
    TRANSFORM_DH = 4,
    TRANSFORM_ESN = 5,
    TRANSFORM_ADDKE1 = 6, /* RFC 9370; up to ADDKE7 = 12 */
    TRANSFORM_ADDKE7 = 12,
};

/* 3.3.5 */
enum { ATTR_KEY_LENGTH = 14 };

enum encr_id {
    ENCR_3DES = 3,
    ENCR_NULL = 11,
    ENCR_AES_CBC = 12,
    ENCR_AES_CTR = 13,
    ENCR_AES_CCM_8 = 14,
    ENCR_AES_CCM_12 = 15,
    ENCR_AES_CCM_16 = 16,
    ENCR_AES_GCM_8 = 18,
    ENCR_AES_GCM_12 = 19,
    ENCR_AES_GCM_16 = 20,
    ENCR_NULL_AUTH_AES_GMAC = 21,
    ENCR_CAMELLIA_CBC = 23,
    ENCR_CHACHA20_POLY1305 = 28, /* RFC 7634 */
};

enum prf_id {
    PRF_HMAC_MD5 = 1,
    PRF_HMAC_SHA1 = 2,
    PRF_AES128_XCBC = 4,
    PRF_HMAC_SHA2_256 = 5,
    PRF_HMAC_SHA2_384 = 6,
    PRF_HMAC_SHA2_512 = 7,
    PRF_AES128_CMAC = 8,
};

enum integ_id {
    INTEG_NONE = 0, /* IANA: NONE */
    AUTH_HMAC_MD5_96 = 1,
    AUTH_HMAC_SHA1_96 = 2,
    AUTH_AES_XCBC_96 = 5,
    AUTH_AES_CMAC_96 = 8,
    AUTH_HMAC_SHA2_256_128 = 12,
    AUTH_HMAC_SHA2_384_192 = 13,
    AUTH_HMAC_SHA2_512_256 = 14,
};

enum dh_id {
    DH_NONE = 0,
    DH_MODP_768 = 1,
    DH_MODP_1024 = 2,
    DH_MODP_1536 = 5,
    DH_MODP_2048 = 14,
    DH_MODP_3072 = 15,
    DH_MODP_4096 = 16,
    DH_MODP_6144 = 17,
    DH_MODP_8192 = 18,
    DH_ECP_256 = 19,
    DH_ECP_384 = 20,
    DH_ECP_521 = 21,
    DH_CURVE25519 = 31, /* RFC 8031 */
    DH_CURVE448 = 32,
    DH_MLKEM_512 = 35,
    DH_MLKEM_768 = 36,
    DH_MLKEM_1024 = 37,
};

enum esn_id { ESN_NO = 0, ESN_YES = 1 };

/* 3.5 */
enum id_type {
    ID_IPV4_ADDR = 1,
    ID_FQDN = 2,
    ID_RFC822_ADDR = 3,
    ID_IPV6_ADDR = 5,
    ID_DER_ASN1_DN = 9,
    ID_DER_ASN1_GN = 10,
    ID_KEY_ID = 11,
    ID_FC_NAME = 12,
    ID_NULL = 13, /* RFC 7619 */
};

/* 3.6 */
enum cert_encoding {
    CERT_PKCS7 = 1,
    CERT_X509_SIGNATURE = 4,
    CERT_CRL = 7,
    CERT_HASH_URL_X509 = 12,
    CERT_HASH_URL_BUNDLE = 13,
    CERT_OCSP_CONTENT = 14, /* RFC 4806 */
    CERT_RAW_PUBLIC_KEY = 15,
};

/* 3.8 */
enum auth_method {
    AUTH_METHOD_RSA = 1,
    AUTH_METHOD_PSK = 2,
    AUTH_METHOD_DSS = 3,
    AUTH_METHOD_ECDSA_256 = 9, /* RFC 4754 */
    AUTH_METHOD_ECDSA_384 = 10,
    AUTH_METHOD_ECDSA_521 = 11,
    AUTH_METHOD_GENERIC_PASSWORD = 12,
    AUTH_METHOD_NULL = 13,      /* RFC 7619 */
    AUTH_METHOD_SIGNATURE = 14, /* RFC 7427 */
};

/* RFC 7427 7 */
enum sig_hash {
    SIG_HASH_SHA1 = 1,
    SIG_HASH_SHA2_256 = 2,
    SIG_HASH_SHA2_384 = 3,
    SIG_HASH_SHA2_512 = 4,
    SIG_HASH_IDENTITY = 5, /* RFC 8420: EdDSA hashes by itself */
};

/* 3.10.1: below 16384 an error, from 16384 on a status. */
enum notify_type {
    N_UNSUPPORTED_CRITICAL_PAYLOAD = 1,
    N_INVALID_IKE_SPI = 4,
    N_INVALID_MAJOR_VERSION = 5,
    N_INVALID_SYNTAX = 7,
    N_INVALID_MESSAGE_ID = 9,
    N_INVALID_SPI = 11,
    N_NO_PROPOSAL_CHOSEN = 14,
    N_INVALID_KE_PAYLOAD = 17,
    N_AUTHENTICATION_FAILED = 24,
    N_SINGLE_PAIR_REQUIRED = 34,
    N_NO_ADDITIONAL_SAS = 35,
    N_INTERNAL_ADDRESS_FAILURE = 36,
    N_FAILED_CP_REQUIRED = 37,
    N_TS_UNACCEPTABLE = 38,
    N_INVALID_SELECTORS = 39,
    N_UNACCEPTABLE_ADDRESSES = 40, /* RFC 4555 */
    N_UNEXPECTED_NAT_DETECTED = 41,
    N_USE_ASSIGNED_HOA = 42, /* RFC 5026 */
    N_TEMPORARY_FAILURE = 43,
    N_CHILD_SA_NOT_FOUND = 44,
    N_INVALID_GROUP_ID = 45,
    N_AUTHORIZATION_FAILED = 46,
    N_STATE_NOT_FOUND = 47, /* RFC 9370 */
    N_STATUS_FIRST = 16384,
    N_INITIAL_CONTACT = 16384,
    N_SET_WINDOW_SIZE = 16385,
    N_ADDITIONAL_TS_POSSIBLE = 16386,
    N_IPCOMP_SUPPORTED = 16387,
    N_NAT_DETECTION_SOURCE_IP = 16388,
    N_NAT_DETECTION_DESTINATION_IP = 16389,
    N_COOKIE = 16390,
    N_USE_TRANSPORT_MODE = 16391,
    N_HTTP_CERT_LOOKUP_SUPPORTED = 16392,
    N_REKEY_SA = 16393,
    N_ESP_TFC_PADDING_NOT_SUPPORTED = 16394,
    N_NON_FIRST_FRAGMENTS_ALSO = 16395,
    N_MOBIKE_SUPPORTED = 16396, /* RFC 4555 */
    N_ADDITIONAL_IP4_ADDRESS = 16397,
    N_ADDITIONAL_IP6_ADDRESS = 16398,
    N_NO_ADDITIONAL_ADDRESSES = 16399,
    N_UPDATE_SA_ADDRESSES = 16400,
    N_COOKIE2 = 16401,
    N_NO_NATS_ALLOWED = 16402,
    N_AUTH_LIFETIME = 16403,           /* RFC 4478 */
    N_MULTIPLE_AUTH_SUPPORTED = 16404, /* RFC 4739 */
    N_ANOTHER_AUTH_FOLLOWS = 16405,
    N_REDIRECT_SUPPORTED = 16406, /* RFC 5685 */
    N_REDIRECT = 16407,
    N_REDIRECTED_FROM = 16408,
    N_TICKET_LT_OPAQUE = 16409, /* RFC 5723 */
    N_TICKET_REQUEST = 16410,
    N_TICKET_ACK = 16411,
    N_TICKET_NACK = 16412,
    N_TICKET_OPAQUE = 16413,
    N_LINK_ID = 16414,                         /* RFC 5739 */
    N_USE_WESP_MODE = 16415,                   /* RFC 5840 */
    N_ROHC_SUPPORTED = 16416,                  /* RFC 5857 */
    N_EAP_ONLY_AUTHENTICATION = 16417,         /* RFC 5998 */
    N_CHILDLESS_IKEV2_SUPPORTED = 16418,       /* RFC 6023 */
    N_QUICK_CRASH_DETECTION = 16419,           /* RFC 6290 */
    N_IKEV2_MESSAGE_ID_SYNC_SUPPORTED = 16420, /* RFC 6311 */
    N_IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED = 16421,
    N_IKEV2_MESSAGE_ID_SYNC = 16422,
    N_IPSEC_REPLAY_COUNTER_SYNC = 16423,
    N_SECURE_PASSWORD_METHODS = 16424, /* RFC 6467 */
    N_PSK_PERSIST = 16425,             /* RFC 6631 */
    N_PSK_CONFIRM = 16426,
    N_ERX_SUPPORTED = 16427, /* RFC 6867 */
    N_IFOM_CAPABILITY = 16428,
    N_IKEV2_FRAGMENTATION_SUPPORTED = 16430, /* RFC 7383 */
    N_SIGNATURE_HASH_ALGORITHMS = 16431,     /* RFC 7427 */
    N_CLONE_IKE_SA_SUPPORTED = 16432,        /* RFC 7791 */
    N_CLONE_IKE_SA = 16433,
    N_PUZZLE = 16434,  /* RFC 8019 */
    N_USE_PPK = 16435, /* RFC 8784 */
    N_PPK_IDENTITY = 16436,
    N_NO_PPK_AUTH = 16437,
    N_INTERMEDIATE_EXCHANGE_SUPPORTED = 16438, /* RFC 9242 */
    N_IP4_ALLOWED = 16439,                     /* RFC 8983 */
    N_IP6_ALLOWED = 16440,
    N_ADDITIONAL_KEY_EXCHANGE = 16441, /* RFC 9370 */
    N_USE_AGGFRAG = 16442,             /* RFC 9347 */
    N_SUPPORTED_AUTH_METHODS = 16443,  /* RFC 9593 */
};

/* 3.13.1 */
enum ts_type { TS_IPV4_ADDR_RANGE = 7, TS_IPV6_ADDR_RANGE = 8 };

/* 3.15 */
enum cp_type { CP_REQUEST = 1, CP_REPLY = 2, CP_SET = 3, CP_ACK = 4 };

/* 3.15.1 */
enum cp_attr_type {
    INTERNAL_IP4_ADDRESS = 1,
    INTERNAL_IP4_NETMASK = 2,
    INTERNAL_IP4_DNS = 3,
    INTERNAL_IP4_NBNS = 4,
    INTERNAL_IP4_DHCP = 6,
    APPLICATION_VERSION = 7,
    INTERNAL_IP6_ADDRESS = 8,
    INTERNAL_IP6_DNS = 10,
    INTERNAL_IP6_DHCP = 12,
    INTERNAL_IP4_SUBNET = 13,
    SUPPORTED_ATTRIBUTES = 14,
    INTERNAL_IP6_SUBNET = 15,
    INTERNAL_DNS_DOMAIN = 25, /* RFC 8598 */
    INTERNAL_DNSSEC_TA = 26,
};

/* RFC 3748 4 */
enum eap_code { EAP_REQUEST = 1, EAP_RESPONSE = 2, EAP_SUCCESS = 3, EAP_FAILURE = 4 };

/* RFC 3748 5 and the IANA EAP registry */
enum eap_type {
    EAP_IDENTITY = 1,
    EAP_NOTIFICATION = 2,
    EAP_NAK = 3,
    EAP_MD5 = 4,
    EAP_TLS = 13,
    EAP_TTLS = 21,
    EAP_PEAP = 25,
    EAP_MSCHAPV2 = 26,
    EAP_EXPANDED = 254,
};

/* RFC 5685 4: what kind of address a REDIRECT names. */
enum gw_ident_type { GW_IPV4 = 1, GW_IPV6 = 2, GW_FQDN = 3 };

static inline bool notify_is_error(uint16_t type)
{
    return type < N_STATUS_FIRST;
}

const char *exchange_name(uint8_t n);
const char *payload_name(uint8_t n);
const char *protocol_name(uint8_t n);
const char *transform_type_name(uint8_t n);
const char *transform_name(uint8_t type, uint16_t id); /* ENCR, PRF, INTEG, DH or ESN by type */
const char *encr_name(uint16_t n);
const char *prf_name(uint16_t n);
const char *integ_name(uint16_t n);
const char *dh_name(uint16_t n);
const char *id_type_name(uint8_t n);
const char *cert_encoding_name(uint8_t n);
const char *auth_method_name(uint8_t n);
const char *sig_hash_name(uint16_t n);
const char *notify_name(uint16_t n);
const char *cp_attr_name(uint16_t n);
const char *eap_code_name(uint8_t n);
