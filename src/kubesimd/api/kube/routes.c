/* SPDX-License-Identifier: Apache-2.0 */
#include "kubesimd/api/kube/kube.h"

#define DELETE_OPTIONS (64 * KIB)

const HttpRoute kube_routes[] = {
        { HTTP_GET, "/api", HTTP_ACCESS_READ, 0, false, handle_kube_versions },
        { HTTP_GET, "/apis", HTTP_ACCESS_READ, 0, false, handle_kube_groups },
        { HTTP_GET, "/apis/{group}", HTTP_ACCESS_READ, 0, false, handle_kube_group },
        { HTTP_GET, "/apis/{group}/{version}", HTTP_ACCESS_READ, 0, false, handle_kube_group_resources },
        { HTTP_GET, "/apis/{group}/{version}/{resource}", HTTP_ACCESS_READ, 0, false, handle_kube_list },
        { HTTP_GET, "/apis/{group}/{version}/{resource}/{name}", HTTP_ACCESS_READ, 0, false, handle_kube_get },
        { HTTP_GET, "/apis/{group}/{version}/namespaces/{namespace}/{resource}", HTTP_ACCESS_READ, 0, false, handle_kube_list_in },
        { HTTP_GET, "/apis/{group}/{version}/namespaces/{namespace}/{resource}/{name}", HTTP_ACCESS_READ, 0, false, handle_kube_get_in },
        { HTTP_GET, "/api/v1", HTTP_ACCESS_READ, 0, false, handle_kube_resources },
        { HTTP_GET, "/api/v1/{resource}", HTTP_ACCESS_READ, 0, false, handle_kube_list },
        { HTTP_GET, "/api/v1/{resource}/{name}", HTTP_ACCESS_READ, 0, false, handle_kube_get },
        { HTTP_GET, "/api/v1/namespaces/{namespace}/{resource}", HTTP_ACCESS_READ, 0, false, handle_kube_list_in },
        { HTTP_GET, "/api/v1/namespaces/{namespace}/{resource}/{name}", HTTP_ACCESS_READ, 0, false, handle_kube_get_in },
        { HTTP_DELETE, "/api/v1/namespaces/{namespace}/{resource}/{name}", HTTP_ACCESS_WRITE, DELETE_OPTIONS, true, handle_kube_delete_in },
};
const size_t kube_n_routes = ELEMENTSOF(kube_routes);
