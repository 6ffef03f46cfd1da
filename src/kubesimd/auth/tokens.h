/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The bearer tokens (RFC 6750) of a credential file: lines "TOKEN ROLE", ROLE one of admin, viewer, node:NAME, node:PREFIX*;
 * "#" begins a comment. */

#include "kubesimd/auth/identity.h"

typedef struct Tokens Tokens;

#define TOKENS_FILE_MAX MIB

/* Reads the file. Errors name it and the line, never a token. */
int tokens_load(const char *path, Tokens **ret, Error *reterr);
/* The same from text, which is overwritten; `name` is for messages. */
int tokens_parse(char *text, const char *name, Tokens **ret, Error *reterr);
Tokens *tokens_free(Tokens *t);
DEFINE_CLEANUP(Tokens*, tokens_free)
/* Whose token it is, or NULL. Compares all of them, each in constant time. Borrowed. */
const Identity *tokens_find(const Tokens *t, const char *token, size_t size);
size_t tokens_count(const Tokens *t);
