/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Objects as the native API shows them: the structs of the Kube-Sim program, with further fields. */

#include "basic/strbuf.h"
#include "core/cluster.h"

#define NATIVE_JSON "application/json"
#define NATIVE_LINES "application/x-ndjson"

/* A node with what its heartbeats and pods make of it now. */
void render_node(Cluster *c, const Object *o, StrBuf *b);
void render_pod(const Object *o, StrBuf *b);
/* Whichever of the two it is. */
void render_object(Cluster *c, const Object *o, StrBuf *b);
void render_event(const Event *e, StrBuf *b);
/* {"type":...,"revision":...,"object":{...}} and a newline. */
void render_watch_line(Cluster *c, const char *type, uint64_t revision, const Object *o, StrBuf *b);
