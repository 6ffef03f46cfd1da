/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Nodes by the thousand: added after a template, removed by what they have in common. */

#include "kubesimctl/ctl.h"

/* add-node with --prefix= or --file=. */
int add_many(const Ctl *ctl, int argc);
/* One, with --memory=, --labels= or --taints=; name NULL: one is made. */
int add_described(const Ctl *ctl, int64_t cpu, const char *name);
/* remove-node with --prefix= or -l. */
int remove_many(const Ctl *ctl);
