/* SPDX-License-Identifier: Apache-2.0 */
/* kubeconfig: what kubectl needs to work with this cluster, for ~/.kube/config. */
#include <stdio.h>

#include "basic/strbuf.h"
#include "kubesimctl/output.h"

int cmd_kubeconfig(Ctl *ctl, int argc, char *argv[]) {
        _cleanup_strbuf_ StrBuf path = STRBUF_INIT(4 * KIB);
        _cleanup_answer_ Answer a = ANSWER_INIT;
        int r;

        strbuf_printf(&path, "/kubeconfig?role=%s", argc > 1 ? argv[1] : "admin");
        if (argc > 2)
                strbuf_printf(&path, "&server=%s", argv[2]);
        r = ctl_call(ctl, "GET", strbuf_str(&path), NULL, &a, "make a kubeconfig");
        if (r != 0)
                return r;
        fputs(strbuf_str(&a.text), stdout);
        return CTL_OK;
}
