/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What explain, capacity and compare have in common: the manifest and the options as a request. */

#include "kubesimctl/ctl.h"

/* The manifest of --file, else a pod that asks for --cpu and --memory: 0 and *ret (owned), or an exit code. */
int question_body(const Ctl *ctl, char **ret);
/* Puts "?KEY=VALUE", or with "&", after a path; NULL values are left out. */
void question_put_query(StrBuf *path, const char *key, const char *value);
/* ctl_call() with patience, which also takes an answer with "error" for a failure. */
int question_ask(Ctl *ctl, const char *method, const char *path, const char *body, Answer *ret, const char *what);
