/* pb_field: protobuf fields <-> the values of our structs, checked. Shared by the codecs of this
 * folder.
 *
 * Readers take an error that sticks: once it is set they change nothing more, so that a codec reads
 * a message's fields in a list and asks once at the end. */
#pragma once

#include <protobuf-c/protobuf-c.h>

#include "proto/common.pb-c.h"
#include "statesync/base/addr.h"
#include "statesync/base/limits.h"
#include "statesync/base/secret.h"

uint8_t pb_u8(uint32_t v, enum err *e);
uint16_t pb_u16(uint32_t v, enum err *e);
/* Text of at most LIMIT_NAME - 1 octets, no control octets. v may be NULL. */
void pb_name(const char *v, char ret[LIMIT_NAME], enum err *e);
/* 0, 4 or 16 octets. */
struct ip_addr pb_ip(ProtobufCBinaryData v, enum err *e);
/* NULL: none. */
struct endpoint pb_endpoint(const Ikestra__Endpoint *v, enum err *e);
void pb_secret(ProtobufCBinaryData v, struct secret *ret, enum err *e);
/* A copy on the heap, at most max octets. */
void pb_bytes(ProtobufCBinaryData v, size_t max, struct bytes *ret, enum err *e);
/* Exactly len octets, or none: out zeroed then. Returns whether they were there. */
bool pb_fixed(ProtobufCBinaryData v, uint8_t *out, size_t len, enum err *e);
/* A node id, 1..4095. */
uint16_t pb_node(uint32_t v, enum err *e);
/* Unknown fields are a newer format (proto/README.md). m may be NULL. */
void pb_known(const ProtobufCMessage *m, enum err *e);

/* For packing: borrowed, never written through. */
ProtobufCBinaryData pb_of(struct span s);
char *pb_of_name(const char *name);
Ikestra__Endpoint pb_of_endpoint(const struct endpoint *v);
