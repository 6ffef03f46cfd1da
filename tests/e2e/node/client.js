// SPDX-License-Identifier: Apache-2.0
// The JavaScript client at the end of two pipes: obeys one command a line (JSON on stdin) and answers with one line each; what its
// informers see is told in lines of their own. What is right is for tests/e2e/test_kube_node.py to say.
import { createInterface } from 'node:readline';
import { AppsV1Api, CoreV1Api, KubeConfig, KubernetesObjectApi, PatchStrategy, makeInformer, setHeaderOptions } from '@kubernetes/client-node';

const config = new KubeConfig();
config.loadFromFile(process.argv[2]);
const core = config.makeApiClient(CoreV1Api);
const apps = config.makeApiClient(AppsV1Api);
const objects = KubernetesObjectApi.makeApiClient(config);
const namespace = 'default';
const informers = {};
const stopped = new Set(); // those that are to stay so: ending their watch is an error to them

const patches = {
    json: PatchStrategy.JsonPatch,
    merge: PatchStrategy.MergePatch,
    strategic: PatchStrategy.StrategicMergePatch,
    apply: PatchStrategy.ServerSideApply,
};

const kinds = {
    configmaps: {
        path: '/api/v1/namespaces/default/configmaps',
        list: (options) => core.listNamespacedConfigMap({ namespace, ...options }),
    },
    pods: {
        path: '/api/v1/namespaces/default/pods',
        list: (options) => core.listNamespacedPod({ namespace, ...options }),
    },
    deployments: {
        path: '/apis/apps/v1/namespaces/default/deployments',
        list: (options) => apps.listNamespacedDeployment({ namespace, ...options }),
    },
};

function say(line) {
    process.stdout.write(JSON.stringify(line) + '\n');
}

// As its users are told to write it: an informer that met an error is started again.
function inform({ id, kind, query = '', labelSelector }) {
    const { path, list } = kinds[kind];
    const tell = (event) => (o) => say({ informer: id, event, name: o.metadata.name, version: o.metadata.resourceVersion });
    const listFn = () => {
        say({ informer: id, event: 'list' });
        return list({ labelSelector });
    };
    const informer = makeInformer(config, path + query, listFn, labelSelector);
    for (const event of ['add', 'update', 'delete']) {
        informer.on(event, tell(event));
    }
    informer.on('connect', () => say({ informer: id, event: 'connect' }));
    informer.on('error', (e) => {
        say({ informer: id, event: 'error', text: String(e) });
        setTimeout(() => stopped.has(id) || informer.start(), 100);
    });
    informers[id] = informer;
    return informer.start();
}

const commands = {
    list: ({ kind, ...options }) => kinds[kind].list(options),
    read: (args) => objects.read(args.object),
    create: ({ object }) => objects.create(object),
    replace: ({ object }) => objects.replace(object),
    delete: ({ object }) => objects.delete(object),
    patch: ({ name, how, body, ...more }) =>
        core.patchNamespacedConfigMap({ name, namespace, body, ...more }, setHeaderOptions('Content-Type', patches[how])),
    patchDeployment: ({ name, how, body }) =>
        apps.patchNamespacedDeployment({ name, namespace, body }, setHeaderOptions('Content-Type', patches[how])),
    inform,
    cache: ({ id }) => informers[id].list().map((o) => [o.metadata.name, o.metadata.resourceVersion]),
    stop: ({ id }) => {
        stopped.add(id);
        return informers[id].stop();
    },
    start: ({ id }) => {
        stopped.delete(id);
        return informers[id].start();
    },
};

for await (const line of createInterface({ input: process.stdin })) {
    const { n, command, ...args } = JSON.parse(line);
    try {
        say({ n, result: (await commands[command](args)) ?? null });
    } catch (e) {
        say({ n, code: e.code ?? 0, error: typeof e.body === 'string' ? e.body : String(e) });
    }
}
process.exit(0);
