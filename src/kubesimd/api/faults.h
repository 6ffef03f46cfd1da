/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* /faults: what is injected into virtual nodes, chosen by name, by labels or by lot. */

#include "kubesimd/api/context.h"

int handle_faults_list(HttpRequest *req, void *userdata, Error *reterr);
int handle_fault_inject(HttpRequest *req, void *userdata, Error *reterr);
int handle_fault_end(HttpRequest *req, void *userdata, Error *reterr);
int handle_faults_recover(HttpRequest *req, void *userdata, Error *reterr);

/* Orders that are for more nodes than are looked at in one turn: is there one, */
bool faults_wait(const ApiContext *api);
/* and the next part of it; called in each turn of the loop while there is. */
void faults_go_on(ApiContext *api);
