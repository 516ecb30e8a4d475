#include "node/wire/ike_numbers.h"

#include <stddef.h>

struct name {
    uint16_t n;
    const char *text;
};

static const char *find(const struct name *names, size_t count, uint16_t n)
{
    for (size_t i = 0; i < count; i++)
        if (names[i].n == n)
            return names[i].text;
    return "unknown";
}

#define FIND(table, n) find((table), sizeof(table) / sizeof((table)[0]), (n))

static const struct name exchanges[] = {
    { EX_IKE_SA_INIT, "IKE_SA_INIT" },
    { EX_IKE_AUTH, "IKE_AUTH" },
    { EX_CREATE_CHILD_SA, "CREATE_CHILD_SA" },
    { EX_INFORMATIONAL, "INFORMATIONAL" },
    { EX_IKE_SESSION_RESUME, "IKE_SESSION_RESUME" },
    { EX_IKE_INTERMEDIATE, "IKE_INTERMEDIATE" },
    { EX_IKE_FOLLOWUP_KE, "IKE_FOLLOWUP_KE" },
};

static const struct name payloads[] = {
    { PL_NONE, "NONE" },   { PL_SA, "SA" },     { PL_KE, "KE" },           { PL_IDI, "IDi" },
    { PL_IDR, "IDr" },     { PL_CERT, "CERT" }, { PL_CERTREQ, "CERTREQ" }, { PL_AUTH, "AUTH" },
    { PL_NONCE, "NONCE" }, { PL_NOTIFY, "N" },  { PL_DELETE, "D" },        { PL_VENDOR, "V" },
    { PL_TSI, "TSi" },     { PL_TSR, "TSr" },   { PL_SK, "SK" },           { PL_CP, "CP" },
    { PL_EAP, "EAP" },     { PL_SKF, "SKF" },
};

static const struct name protocols[] = {
    { PROTO_NONE, "NONE" },
    { PROTO_IKE, "IKE" },
    { PROTO_AH, "AH" },
    { PROTO_ESP, "ESP" },
};

static const struct name transform_types[] = {
    { TRANSFORM_ENCR, "ENCR" },
    { TRANSFORM_PRF, "PRF" },
    { TRANSFORM_INTEG, "INTEG" },
    { TRANSFORM_DH, "DH" },
    { TRANSFORM_ESN, "ESN" },
    { TRANSFORM_ADDKE1, "ADDKE1" },
    { 7, "ADDKE2" },
    { 8, "ADDKE3" },
    { 9, "ADDKE4" },
    { 10, "ADDKE5" },
    { 11, "ADDKE6" },
    { TRANSFORM_ADDKE7, "ADDKE7" },
};

static const struct name encrs[] = {
    { ENCR_3DES, "ENCR_3DES" },
    { ENCR_NULL, "ENCR_NULL" },
    { ENCR_AES_CBC, "ENCR_AES_CBC" },
    { ENCR_AES_CTR, "ENCR_AES_CTR" },
    { ENCR_AES_CCM_8, "ENCR_AES_CCM_8" },
    { ENCR_AES_CCM_12, "ENCR_AES_CCM_12" },
    { ENCR_AES_CCM_16, "ENCR_AES_CCM_16" },
    { ENCR_AES_GCM_8, "ENCR_AES_GCM_8" },
    { ENCR_AES_GCM_12, "ENCR_AES_GCM_12" },
    { ENCR_AES_GCM_16, "ENCR_AES_GCM_16" },
    { ENCR_NULL_AUTH_AES_GMAC, "ENCR_NULL_AUTH_AES_GMAC" },
    { ENCR_CAMELLIA_CBC, "ENCR_CAMELLIA_CBC" },
    { ENCR_CHACHA20_POLY1305, "ENCR_CHACHA20_POLY1305" },
};

static const struct name prfs[] = {
    { PRF_HMAC_MD5, "PRF_HMAC_MD5" },           { PRF_HMAC_SHA1, "PRF_HMAC_SHA1" },
    { PRF_AES128_XCBC, "PRF_AES128_XCBC" },     { PRF_HMAC_SHA2_256, "PRF_HMAC_SHA2_256" },
    { PRF_HMAC_SHA2_384, "PRF_HMAC_SHA2_384" }, { PRF_HMAC_SHA2_512, "PRF_HMAC_SHA2_512" },
    { PRF_AES128_CMAC, "PRF_AES128_CMAC" },
};

static const struct name integs[] = {
    { INTEG_NONE, "NONE" },
    { AUTH_HMAC_MD5_96, "AUTH_HMAC_MD5_96" },
    { AUTH_HMAC_SHA1_96, "AUTH_HMAC_SHA1_96" },
    { AUTH_AES_XCBC_96, "AUTH_AES_XCBC_96" },
    { AUTH_AES_CMAC_96, "AUTH_AES_CMAC_96" },
    { AUTH_HMAC_SHA2_256_128, "AUTH_HMAC_SHA2_256_128" },
    { AUTH_HMAC_SHA2_384_192, "AUTH_HMAC_SHA2_384_192" },
    { AUTH_HMAC_SHA2_512_256, "AUTH_HMAC_SHA2_512_256" },
};

static const struct name dhs[] = {
    { DH_NONE, "NONE" },
    { DH_MODP_768, "MODP_768" },
    { DH_MODP_1024, "MODP_1024" },
    { DH_MODP_1536, "MODP_1536" },
    { DH_MODP_2048, "MODP_2048" },
    { DH_MODP_3072, "MODP_3072" },
    { DH_MODP_4096, "MODP_4096" },
    { DH_MODP_6144, "MODP_6144" },
    { DH_MODP_8192, "MODP_8192" },
    { DH_ECP_256, "ECP_256" },
    { DH_ECP_384, "ECP_384" },
    { DH_ECP_521, "ECP_521" },
    { DH_CURVE25519, "CURVE25519" },
    { DH_CURVE448, "CURVE448" },
    { DH_MLKEM_512, "ML-KEM-512" },
    { DH_MLKEM_768, "ML-KEM-768" },
    { DH_MLKEM_1024, "ML-KEM-1024" },
};

static const struct name id_types[] = {
    { ID_IPV4_ADDR, "ID_IPV4_ADDR" },
    { ID_FQDN, "ID_FQDN" },
    { ID_RFC822_ADDR, "ID_RFC822_ADDR" },
    { ID_IPV6_ADDR, "ID_IPV6_ADDR" },
    { ID_DER_ASN1_DN, "ID_DER_ASN1_DN" },
    { ID_DER_ASN1_GN, "ID_DER_ASN1_GN" },
    { ID_KEY_ID, "ID_KEY_ID" },
    { ID_FC_NAME, "ID_FC_NAME" },
    { ID_NULL, "ID_NULL" },
};

static const struct name cert_encodings[] = {
    { CERT_PKCS7, "PKCS7" },
    { CERT_X509_SIGNATURE, "X509_SIGNATURE" },
    { CERT_CRL, "CRL" },
    { CERT_HASH_URL_X509, "HASH_URL_X509" },
    { CERT_HASH_URL_BUNDLE, "HASH_URL_BUNDLE" },
    { CERT_OCSP_CONTENT, "OCSP_CONTENT" },
    { CERT_RAW_PUBLIC_KEY, "RAW_PUBLIC_KEY" },
};

static const struct name auth_methods[] = {
    { AUTH_METHOD_RSA, "RSA_SIGNATURE" },
    { AUTH_METHOD_PSK, "SHARED_KEY" },
    { AUTH_METHOD_DSS, "DSS_SIGNATURE" },
    { AUTH_METHOD_ECDSA_256, "ECDSA_SHA256_P256" },
    { AUTH_METHOD_ECDSA_384, "ECDSA_SHA384_P384" },
    { AUTH_METHOD_ECDSA_521, "ECDSA_SHA512_P521" },
    { AUTH_METHOD_GENERIC_PASSWORD, "GENERIC_SECURE_PASSWORD" },
    { AUTH_METHOD_NULL, "NULL" },
    { AUTH_METHOD_SIGNATURE, "DIGITAL_SIGNATURE" },
};

static const struct name sig_hashes[] = {
    { SIG_HASH_SHA1, "SHA1" },         { SIG_HASH_SHA2_256, "SHA2_256" },
    { SIG_HASH_SHA2_384, "SHA2_384" }, { SIG_HASH_SHA2_512, "SHA2_512" },
    { SIG_HASH_IDENTITY, "IDENTITY" },
};

#define N(name)                                                                                    \
    {                                                                                              \
        N_##name, #name                                                                            \
    }

static const struct name notifies[] = {
    N(UNSUPPORTED_CRITICAL_PAYLOAD),
    N(INVALID_IKE_SPI),
    N(INVALID_MAJOR_VERSION),
    N(INVALID_SYNTAX),
    N(INVALID_MESSAGE_ID),
    N(INVALID_SPI),
    N(NO_PROPOSAL_CHOSEN),
    N(INVALID_KE_PAYLOAD),
    N(AUTHENTICATION_FAILED),
    N(SINGLE_PAIR_REQUIRED),
    N(NO_ADDITIONAL_SAS),
    N(INTERNAL_ADDRESS_FAILURE),
    N(FAILED_CP_REQUIRED),
    N(TS_UNACCEPTABLE),
    N(INVALID_SELECTORS),
    N(UNACCEPTABLE_ADDRESSES),
    N(UNEXPECTED_NAT_DETECTED),
    N(USE_ASSIGNED_HOA),
    N(TEMPORARY_FAILURE),
    N(CHILD_SA_NOT_FOUND),
    N(INVALID_GROUP_ID),
    N(AUTHORIZATION_FAILED),
    N(STATE_NOT_FOUND),
    N(INITIAL_CONTACT),
    N(SET_WINDOW_SIZE),
    N(ADDITIONAL_TS_POSSIBLE),
    N(IPCOMP_SUPPORTED),
    N(NAT_DETECTION_SOURCE_IP),
    N(NAT_DETECTION_DESTINATION_IP),
    N(COOKIE),
    N(USE_TRANSPORT_MODE),
    N(HTTP_CERT_LOOKUP_SUPPORTED),
    N(REKEY_SA),
    N(ESP_TFC_PADDING_NOT_SUPPORTED),
    N(NON_FIRST_FRAGMENTS_ALSO),
    N(MOBIKE_SUPPORTED),
    N(ADDITIONAL_IP4_ADDRESS),
    N(ADDITIONAL_IP6_ADDRESS),
    N(NO_ADDITIONAL_ADDRESSES),
    N(UPDATE_SA_ADDRESSES),
    N(COOKIE2),
    N(NO_NATS_ALLOWED),
    N(AUTH_LIFETIME),
    N(MULTIPLE_AUTH_SUPPORTED),
    N(ANOTHER_AUTH_FOLLOWS),
    N(REDIRECT_SUPPORTED),
    N(REDIRECT),
    N(REDIRECTED_FROM),
    N(TICKET_LT_OPAQUE),
    N(TICKET_REQUEST),
    N(TICKET_ACK),
    N(TICKET_NACK),
    N(TICKET_OPAQUE),
    N(LINK_ID),
    N(USE_WESP_MODE),
    N(ROHC_SUPPORTED),
    N(EAP_ONLY_AUTHENTICATION),
    N(CHILDLESS_IKEV2_SUPPORTED),
    N(QUICK_CRASH_DETECTION),
    N(IKEV2_MESSAGE_ID_SYNC_SUPPORTED),
    N(IPSEC_REPLAY_COUNTER_SYNC_SUPPORTED),
    N(IKEV2_MESSAGE_ID_SYNC),
    N(IPSEC_REPLAY_COUNTER_SYNC),
    N(SECURE_PASSWORD_METHODS),
    N(PSK_PERSIST),
    N(PSK_CONFIRM),
    N(ERX_SUPPORTED),
    N(IFOM_CAPABILITY),
    N(IKEV2_FRAGMENTATION_SUPPORTED),
    N(SIGNATURE_HASH_ALGORITHMS),
    N(CLONE_IKE_SA_SUPPORTED),
    N(CLONE_IKE_SA),
    N(PUZZLE),
    N(USE_PPK),
    N(PPK_IDENTITY),
    N(NO_PPK_AUTH),
    N(INTERMEDIATE_EXCHANGE_SUPPORTED),
    N(IP4_ALLOWED),
    N(IP6_ALLOWED),
    N(ADDITIONAL_KEY_EXCHANGE),
    N(USE_AGGFRAG),
    N(SUPPORTED_AUTH_METHODS),
};

static const struct name cp_attrs[] = {
    { INTERNAL_IP4_ADDRESS, "INTERNAL_IP4_ADDRESS" },
    { INTERNAL_IP4_NETMASK, "INTERNAL_IP4_NETMASK" },
    { INTERNAL_IP4_DNS, "INTERNAL_IP4_DNS" },
    { INTERNAL_IP4_NBNS, "INTERNAL_IP4_NBNS" },
    { INTERNAL_IP4_DHCP, "INTERNAL_IP4_DHCP" },
    { APPLICATION_VERSION, "APPLICATION_VERSION" },
    { INTERNAL_IP6_ADDRESS, "INTERNAL_IP6_ADDRESS" },
    { INTERNAL_IP6_DNS, "INTERNAL_IP6_DNS" },
    { INTERNAL_IP6_DHCP, "INTERNAL_IP6_DHCP" },
    { INTERNAL_IP4_SUBNET, "INTERNAL_IP4_SUBNET" },
    { SUPPORTED_ATTRIBUTES, "SUPPORTED_ATTRIBUTES" },
    { INTERNAL_IP6_SUBNET, "INTERNAL_IP6_SUBNET" },
    { INTERNAL_DNS_DOMAIN, "INTERNAL_DNS_DOMAIN" },
    { INTERNAL_DNSSEC_TA, "INTERNAL_DNSSEC_TA" },
};

static const struct name eap_codes[] = {
    { EAP_REQUEST, "Request" },
    { EAP_RESPONSE, "Response" },
    { EAP_SUCCESS, "Success" },
    { EAP_FAILURE, "Failure" },
};

const char *exchange_name(uint8_t n)
{
    return FIND(exchanges, n);
}

const char *payload_name(uint8_t n)
{
    return FIND(payloads, n);
}

const char *protocol_name(uint8_t n)
{
    return FIND(protocols, n);
}

const char *transform_type_name(uint8_t n)
{
    return FIND(transform_types, n);
}

const char *encr_name(uint16_t n)
{
    return FIND(encrs, n);
}

const char *prf_name(uint16_t n)
{
    return FIND(prfs, n);
}

const char *integ_name(uint16_t n)
{
    return FIND(integs, n);
}

const char *dh_name(uint16_t n)
{
    return FIND(dhs, n);
}

const char *transform_name(uint8_t type, uint16_t id)
{
    switch (type) {
    case TRANSFORM_ENCR:
        return encr_name(id);
    case TRANSFORM_PRF:
        return prf_name(id);
    case TRANSFORM_INTEG:
        return integ_name(id);
    case TRANSFORM_DH:
        return dh_name(id);
    case TRANSFORM_ESN:
        return id == ESN_NO ? "NO_ESN" : id == ESN_YES ? "ESN" : "unknown";
    default:
        return type >= TRANSFORM_ADDKE1 && type <= TRANSFORM_ADDKE7 ? dh_name(id) : "unknown";
    }
}

const char *id_type_name(uint8_t n)
{
    return FIND(id_types, n);
}

const char *cert_encoding_name(uint8_t n)
{
    return FIND(cert_encodings, n);
}

const char *auth_method_name(uint8_t n)
{
    return FIND(auth_methods, n);
}

const char *sig_hash_name(uint16_t n)
{
    return FIND(sig_hashes, n);
}

const char *notify_name(uint16_t n)
{
    return FIND(notifies, n);
}

const char *cp_attr_name(uint16_t n)
{
    return FIND(cp_attrs, n);
}

const char *eap_code_name(uint8_t n)
{
    return FIND(eap_codes, n);
}
