/* SPDX-License-Identifier: Apache-2.0 */
/* Schemas of definitions, objects against them, JSONPath. Texts are in the words of kube-apiserver. */
#include "tests/lib/test.h"

#include "basic/error.h"
#include "basic/json-tree.h"
#include "basic/string-util.h"
#include "kubesimd/api/kube/custom/crd.h"
#include "kubesimd/api/kube/types/jsonpath.h"

/* ' stands for " in the tables. */
static Json *parse(JsonArena *a, const char *text) {
        char *copy = json_arena_copy(a, text, strlen(text));
        Json *v = NULL;

        for (char *c = copy; *c; c++)
                if (*c == '\'')
                        *c = '"';
        if (json_tree_parse(a, copy, strlen(text), &v, NULL) < 0)
                fail_msg("%s", text);
        return v;
}

/* "field: message; field: message", with ' for ". */
static void put_errors(StrBuf *b, const Json *errors) {
        JSON_FOREACH(e, errors) {
                strbuf_printf(b, "%s%s: ", b->size > 0 ? "; " : "", json_string(json_get(e, "field")));
                for (const char *c = json_string(json_get(e, "message")); *c; c++)
                        strbuf_putc(b, *c == '"' ? '\'' : *c);
        }
}

static void test_values(void **state _unused_) {
        static const struct {
                const char *schema, *value, *errors; /* of the member a */
        } cases[] = {
                { "{'type':'string'}", "'x'", "" },
                { "{'type':'string'}", "1", "a: Invalid value: 'integer': a in body must be of type string: 'integer'" },
                { "{'type':'string'}", "null", "a: Invalid value: 'null': a in body must be of type string: 'null'" },
                { "{'type':'string','nullable':true}", "null", "" },
                { "{'type':'integer'}", "1.5", "a: Invalid value: 'number': a in body must be of type integer: 'number'" },
                { "{'type':'integer'}", "2.0", "" },
                { "{'type':'integer'}", "true", "a: Invalid value: 'boolean': a in body must be of type integer: 'boolean'" },
                { "{'type':'number'}", "3", "" },
                { "{'type':'boolean'}", "'true'", "a: Invalid value: 'string': a in body must be of type boolean: 'string'" },
                { "{'type':'object'}", "[]", "a: Invalid value: 'array': a in body must be of type object: 'array'" },
                { "{'type':'array','items':{'type':'string'}}", "{}", "a: Invalid value: 'object': a in body must be of type array: 'object'" },
                { "{'x-kubernetes-int-or-string':true}", "'50%'", "" },
                { "{'x-kubernetes-int-or-string':true}", "5", "" },
                { "{'x-kubernetes-int-or-string':true}", "[]", "a: Invalid value: 'array': a in body must be of type integer,string: 'array'" },
                { "{'x-kubernetes-preserve-unknown-fields':true}", "[{'x':1}]", "" },
                { "{'type':'integer','minimum':1}", "0", "a: Invalid value: 0: a in body should be greater than or equal to 1" },
                { "{'type':'integer','minimum':1}", "1", "" },
                { "{'type':'integer','minimum':1,'exclusiveMinimum':true}", "1", "a: Invalid value: 1: a in body should be greater than 1" },
                { "{'type':'integer','maximum':10}", "11", "a: Invalid value: 11: a in body should be less than or equal to 10" },
                { "{'type':'number','maximum':1.5,'exclusiveMaximum':true}", "1.5", "a: Invalid value: 1.5: a in body should be less than 1.5" },
                { "{'type':'integer','multipleOf':5}", "12", "a: Invalid value: 12: a in body should be a multiple of 5" },
                { "{'type':'integer','multipleOf':5}", "15", "" },
                { "{'type':'integer','format':'int32'}", "2147483648", "a: Invalid value: 2147483648: a in body must be of type int32: '2147483648'" },
                { "{'type':'integer','format':'int32'}", "-2147483648", "" },
                { "{'type':'integer','format':'int64'}", "9223372036854775807", "" },
                { "{'type':'integer','format':'int64'}", "9223372036854775808", "a: Invalid value: 9223372036854775808: a in body must be of type int64: "
                  "'9223372036854775808'" },
                { "{'type':'string','minLength':1}", "''", "a: Invalid value: '': a in body should be at least 1 chars long" },
                { "{'type':'string','maxLength':3}", "'abcd'", "a: Too long: may not be more than 3 bytes" },
                { "{'type':'string','maxLength':3}", "'\303\244\303\244\303\244'", "" },
                { "{'type':'string','pattern':'^a+$'}", "'aab'", "a: Invalid value: 'aab': a in body should match '^a+$'" },
                { "{'type':'string','pattern':'a'}", "'bab'", "" },
                { "{'type':'string','enum':['x','y']}", "'z'", "a: Unsupported value: 'z': supported values: 'x', 'y'" },
                { "{'type':'integer','enum':[1,2]}", "3", "a: Unsupported value: 3: supported values: '1', '2'" },
                { "{'type':'string','enum':['x']}", "'x'", "" },
                { "{'type':'string','format':'date-time'}", "'2024-02-30T00:00:00Z'", "a: Invalid value: '2024-02-30T00:00:00Z': a in body must be of type "
                  "date-time: '2024-02-30T00:00:00Z'" },
                { "{'type':'string','format':'date-time'}", "'1969-07-20T20:17:40Z'", "" },
                { "{'type':'string','format':'date'}", "'2023-02-29'", "a: Invalid value: '2023-02-29': a in body must be of type date: '2023-02-29'" },
                { "{'type':'string','format':'nobody-knows'}", "'anything'", "" },
                { "{'type':'array','items':{'type':'integer'}}", "[1,'x']", "a[1]: Invalid value: 'string': a[1] in body must be of type integer: 'string'" },
                { "{'type':'array','items':{'type':'integer'},'minItems':2}", "[1]", "a: Invalid value: 1: a in body should have at least 2 items" },
                { "{'type':'array','items':{'type':'integer'},'maxItems':1}", "[1,2]", "a: Too many: 2: must have at most 1 items" },
                { "{'type':'array','items':{'type':'string'},'x-kubernetes-list-type':'set'}", "['a','b','a']", "a[2]: Duplicate value: 'a'" },
                { "{'type':'array','items':{'type':'string'},'x-kubernetes-list-type':'atomic'}", "['a','a']", "" },
                { "{'type':'array','x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':['n','p'],'items':{'type':'object'}}",
                  "[{'n':'a','p':1},{'n':'a','p':2},{'p':1,'n':'a'}]", "a[2]: Duplicate value: {'n':'a','p':1}" },
                { "{'type':'object','required':['x','y']}", "{'x':1}", "a.y: Required value" },
                { "{'type':'object','minProperties':1}", "{}", "a: Invalid value: 0: a in body should have at least 1 properties" },
                { "{'type':'object','maxProperties':1}", "{'x':1,'y':2}", "a: Too many: 2: must have at most 1 items" },
                { "{'type':'object','additionalProperties':{'type':'string'}}", "{'k':1}", "a.k: Invalid value: 'integer': a.k in body must be of type string: "
                  "'integer'" },
                { "{'type':'object','properties':{'b':{'type':'object','properties':{'c':{'type':'integer','maximum':1}}}}}", "{'b':{'c':2}}",
                  "a.b.c: Invalid value: 2: a.b.c in body should be less than or equal to 1" },
                { "{'type':'object','properties':{'x':{'type':'integer'}},'anyOf':[{'required':['x']},{'required':['y']}]}", "{}",
                  "<nil>: Invalid value: '': 'a' must validate at least one schema (anyOf); a.x: Required value" },
                { "{'type':'object','anyOf':[{'required':['x']},{'required':['y']}]}", "{'y':1}", "" },
                { "{'type':'object','oneOf':[{'required':['x']},{'required':['y']}]}", "{'x':1,'y':1}",
                  "<nil>: Invalid value: '': 'a' must validate one and only one schema (oneOf). Found 2 valid alternatives" },
                { "{'type':'object','oneOf':[{'required':['x']},{'required':['y']}]}", "{}",
                  "<nil>: Invalid value: '': 'a' must validate one and only one schema (oneOf). Found none valid; a.x: Required value" },
                { "{'type':'integer','allOf':[{'minimum':1},{'maximum':5}]}", "7",
                  "a: Invalid value: 7: a in body should be less than or equal to 5; <nil>: Invalid value: '': 'a' must validate all the schemas (allOf)" },
                { "{'type':'integer','allOf':[{'maximum':6},{'maximum':5}]}", "7", "a: Invalid value: 7: a in body should be less than or equal to 6; "
                  "a: Invalid value: 7: a in body should be less than or equal to 5; "
                  "<nil>: Invalid value: '': 'a' must validate all the schemas (allOf). None validated" },
                { "{'type':'integer','not':{'enum':[7]}}", "7", "<nil>: Invalid value: '': 'a' must not validate the schema (not)" },
                { "{'type':'integer','not':{'enum':[7]}}", "8", "" },
                { "{'x-kubernetes-int-or-string':true,'anyOf':[{'type':'integer'},{'type':'string'}]}", "true",
                  "a: Invalid value: 'boolean': a in body must be of type integer,string: 'boolean'; <nil>: Invalid value: '': 'a' must validate at least one "
                  "schema (anyOf); a: Invalid value: 'boolean': a in body must be of type integer: 'boolean'" },
                { "{'type':'object','x-kubernetes-embedded-resource':true,'x-kubernetes-preserve-unknown-fields':true}", "{'kind':'Pod'}",
                  "a.apiVersion: Required value: must not be empty" },
                { "{'type':'string','pattern':'(a?){1000}b'}", "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa'",
                  "a: Invalid value: 'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa': a in body should match "
                  "'(a?){1000}b'" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
                Json *schema = parse(&a, "{'type':'object','properties':{}}"), *object = json_new(&a, JSON_OBJECT), *errors = json_new(&a, JSON_ARRAY);

                json_set(&a, json_get(schema, "properties"), "a", parse(&a, cases[i].schema));
                json_set(&a, object, "a", parse(&a, cases[i].value));
                crd_validate(&a, schema, object, NULL, "", errors);
                put_errors(&b, errors);
                if (!streq(strbuf_str(&b), cases[i].errors))
                        fail_msg("%s against %s:\n%s\nexpected:\n%s", cases[i].value, cases[i].schema, strbuf_str(&b), cases[i].errors);
                /* What was there before is not complained of again. */
                errors = json_new(&a, JSON_ARRAY);
                crd_validate(&a, schema, object, json_copy(&a, object), "", errors);
                assert_int_equal(errors->size, 0);
        }
}

static void test_schemas(void **state _unused_) {
        static const struct {
                const char *schema, *errors;
        } cases[] = {
                { "{'type':'object'}", "" },
                { "{}", "s.type: Required value: must not be empty at the root" },
                { "{'type':'string'}", "s.type: Invalid value: 'string': must be object at the root" },
                { "{'type':'object','properties':{'a':{}}}", "s.properties[a].type: Required value: must not be empty for specified object fields" },
                { "{'type':'object','properties':{'a':{'type':'array'}}}", "s.properties[a].items: Required value: must be specified" },
                { "{'type':'object','properties':{'a':{'type':'array','items':{}}}}",
                  "s.properties[a].items.type: Required value: must not be empty for specified array items" },
                { "{'type':'object','properties':{'a':{'type':'text'}}}", "s.properties[a].type: Unsupported value: 'text': supported values: 'array', "
                  "'boolean', 'integer', 'number', 'object', 'string'" },
                { "{'type':'object','properties':{'a':{'x-kubernetes-preserve-unknown-fields':true}}}", "" },
                { "{'type':'object','properties':{'a':{'x-kubernetes-int-or-string':true}}}", "" },
                { "{'type':'object','properties':{'a':{'x-kubernetes-int-or-string':true,'type':'string'}}}",
                  "s.properties[a].type: Invalid value: 'string': must be empty if x-kubernetes-int-or-string is true" },
                { "{'type':'object','properties':{'a':{'x-kubernetes-int-or-string':true,'anyOf':[{'type':'integer'},{'type':'string'}]}}}", "" },
                { "{'type':'object','properties':{'a':{'type':'string','anyOf':[{'type':'string'}]}}}",
                  "s.properties[a].anyOf[0].type: Forbidden: must be empty to be structural" },
                { "{'type':'object','anyOf':[{'required':['x']}],'properties':{'x':{'type':'string'}}}", "" },
                { "{'type':'object','not':{'properties':{'x':{'minLength':1}}}}", "s.not.properties[x]: Required value: because it is defined in a nested "
                  "schema, it must be defined in the structural one too" },
                { "{'type':'object','allOf':[{'default':{}}]}", "s.allOf[0].default: Forbidden: must be undefined to be structural" },
                { "{'type':'object','$ref':'#/x'}", "s.$ref: Forbidden: $ref is not supported" },
                { "{'type':'object','properties':{'a':{'type':'object','additionalProperties':false}}}",
                  "s.properties[a].additionalProperties: Forbidden: additionalProperties cannot be set to false" },
                { "{'type':'object','properties':{'a':{'type':'object','additionalProperties':{'type':'string'},'properties':{'b':{'type':'string'}}}}}",
                  "s.properties[a].additionalProperties: Forbidden: additionalProperties and properties are mutual exclusive" },
                { "{'type':'object','properties':{'a':{'type':'array','uniqueItems':true,'items':{'type':'string'}}}}",
                  "s.properties[a].uniqueItems: Forbidden: uniqueItems cannot be set to true since the runtime complexity becomes quadratic" },
                { "{'type':'object','properties':{'a':{'type':'string','pattern':'('}}}", "s.properties[a].pattern: Invalid value: '(': must be a valid regular "
                  "expression, but isn't: error parsing regexp: missing closing ): `(`" },
                { "{'type':'object','properties':{'a':{'type':'string','x-kubernetes-list-type':'set'}}}",
                  "s.properties[a].type: Invalid value: 'string': must be array if x-kubernetes-list-type is specified" },
                { "{'type':'object','properties':{'a':{'type':'array','x-kubernetes-list-type':'map','items':{'type':'object'}}}}",
                  "s.properties[a].x-kubernetes-list-map-keys: Required value: must not be empty if x-kubernetes-list-type is map" },
                { "{'type':'object','properties':{'a':{'type':'array','x-kubernetes-list-type':'map','x-kubernetes-list-map-keys':['n'],'items':{'type':"
                  "'object','properties':{'n':{'type':'string'}}}}}}", "s.properties[a].items.properties[n].default: Required value: this property is in "
                  "x-kubernetes-list-map-keys, so it must have a default or be a required property" },
                { "{'type':'object','properties':{'a':{'type':'array','x-kubernetes-list-type':'set','items':{'type':'object'}}}}",
                  "s.properties[a].items: Invalid value: 'object': must be scalar or atomic as item of an array of x-kubernetes-list-type set" },
                { "{'type':'object','properties':{'metadata':{'type':'object','properties':{'labels':{'type':'object'}}}}}", "s.properties[metadata]: "
                  "Forbidden: must not specify anything other than name and generateName, but metadata is implicitly specified" },
                { "{'type':'object','properties':{'kind':{'type':'integer'}}}", "s.properties[kind].type: Invalid value: 'integer': must be string" },
                { "{'type':'object','properties':{'a':{'type':'object','x-kubernetes-embedded-resource':true}}}", "s.properties[a].properties: Required value: "
                  "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields" },
                { "{'type':'object','properties':{'a':{'type':'integer','minimum':5,'default':1}}}", "s.properties[a].default: Invalid value: 1: "
                  "s.properties[a].default in body should be greater than or equal to 5" },
                { "{'type':'object','properties':{'a':{'type':'object','default':{'x':1}}}}",
                  "s.properties[a].default: Invalid value: '': must not have unknown fields" },
                { "{'type':'object','properties':{'a':{'type':'object','additionalProperties':{'type':'integer','maximum':{}}}}}",
                  "s.properties[a].additionalProperties: Invalid value: '': json: cannot unmarshal object into Go struct field JSONSchemaProps.maximum of type "
                  "float64" },
                { "{'type':'object','properties':{'a':{'type':'object','additionalProperties':true}}}", "" },
                { "{'type':'object','properties':{'a':{'type':'integer','x-kubernetes-validations':[{'rule':'self > 0'}]}}}", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
                _cleanup_strbuf_ StrBuf b = STRBUF_INIT(MIB);
                Json *errors = json_new(&a, JSON_ARRAY);

                crd_check_schema(&a, parse(&a, cases[i].schema), "s", errors);
                put_errors(&b, errors);
                if (!streq(strbuf_str(&b), cases[i].errors))
                        fail_msg("%s:\n%s\nexpected:\n%s", cases[i].schema, strbuf_str(&b), cases[i].errors);
        }
}

static void note(const char *path, void *userdata) {
        strbuf_printf(userdata, "%s ", path);
}

static void test_pruning_and_defaults(void **state _unused_) {
        static const struct {
                const char *schema, *value, *result, *unknown;
        } cases[] = {
                { "{'properties':{'a':{'type':'string'}}}", "{'a':'x','b':1,'kind':'K','metadata':{}}", "{'a':'x','kind':'K','metadata':{}}", "b " },
                { "{'properties':{'a':{'type':'object','properties':{'b':{'type':'string'}}}}}", "{'a':{'b':'x','c':{'d':1}}}", "{'a':{'b':'x'}}", "a.c " },
                { "{'properties':{'a':{'type':'object','x-kubernetes-preserve-unknown-fields':true,'properties':{'b':{'type':'object'}}}}}",
                  "{'a':{'x':1,'b':{'c':1}}}", "{'a':{'x':1,'b':{}}}", "a.b.c " },
                { "{'properties':{'a':{'type':'object','additionalProperties':{'type':'object','properties':{'b':{'type':'string'}}}}}}",
                  "{'a':{'k':{'b':'x','c':1}}}", "{'a':{'k':{'b':'x'}}}", "a.k.c " },
                { "{'properties':{'a':{'type':'array','items':{'type':'object','properties':{'b':{'type':'string'}}}}}}", "{'a':[{'b':'x'},{'c':1}]}",
                  "{'a':[{'b':'x'},{}]}", "a[1].c " },
                { "{'properties':{'a':{'type':'object','x-kubernetes-embedded-resource':true,'properties':{'spec':{'type':'object'}}}}}",
                  "{'a':{'kind':'Pod','apiVersion':'v1','metadata':{'x':1},'spec':{},'other':1}}",
                  "{'a':{'kind':'Pod','apiVersion':'v1','metadata':{'x':1},'spec':{}}}", "a.other " },
                { "{'properties':{'a':{'type':'integer','default':3}}}", "{}", "{'a':3}", "" },
                { "{'properties':{'a':{'type':'integer','default':3}}}", "{'a':null}", "{'a':3}", "" },
                { "{'properties':{'a':{'type':'integer','default':3,'nullable':true}}}", "{'a':null}", "{'a':null}", "" },
                { "{'properties':{'a':{'type':'integer'}}}", "{'a':null}", "{}", "" },
                { "{'properties':{'a':{'type':'object','default':{},'properties':{'b':{'type':'string','default':'x'}}}}}", "{}", "{'a':{'b':'x'}}", "" },
                { "{'properties':{'a':{'type':'array','items':{'type':'object','properties':{'b':{'type':'integer','default':1}}}}}}", "{'a':[{},{'b':2}]}",
                  "{'a':[{'b':1},{'b':2}]}", "" },
                { "{'x-kubernetes-preserve-unknown-fields':true}", "{'anything':{'at':['all']}}", "{'anything':{'at':['all']}}", "" },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
                _cleanup_strbuf_ StrBuf unknown = STRBUF_INIT(KIB), b = STRBUF_INIT(MIB);
                Json *schema = parse(&a, cases[i].schema), *v = parse(&a, cases[i].value);

                assert_int_equal(crd_prune(schema, v, true, note, &unknown, NULL), 0);
                crd_default(&a, schema, v);
                json_put(&b, v);
                if (!json_equal(v, parse(&a, cases[i].result)) || !streq(strbuf_str(&unknown), cases[i].unknown))
                        fail_msg("%s: %s, unknown: %s", cases[i].value, strbuf_str(&b), strbuf_str(&unknown));
        }
}

static void test_formats(void **state _unused_) {
        static const struct {
                const char *format, *yes[5], *no[5];
        } cases[] = {
                { "date-time", { "2024-02-29T12:00:00Z", "2024-01-01T00:00:00.5+02:00" }, { "2024-13-01T00:00:00Z", "2024-01-01", "" } },
                { "date", { "2024-02-29" }, { "2024-2-29", "2023-02-29", "2024-00-10" } },
                { "duration", { "1h30m", "5 seconds", "-1.5s", "0", "10ms" }, { "1", "x", "1y", "s" } },
                { "byte", { "", "YWI=", "YQ==", "YWJj" }, { "YQ=", "Y Q=", "=YQ=" } },
                { "email", { "a@example.com" }, { "a", "@example.com", "a b@example.com" } },
                { "hostname", { "a.example.com", "A-1" }, { "-a", "a-", "a..b", "" } },
                { "ipv4", { "10.0.0.1" }, { "10.0.0", "::1", "10.0.0.256" } },
                { "ipv6", { "::1", "fe80::1" }, { "10.0.0.1", ":::" } },
                { "cidr", { "10.0.0.0/8", "fd00::/64" }, { "10.0.0.0", "10.0.0.0/33", "/8" } },
                { "mac", { "00:11:22:aa:bb:cc", "0011.22aa.bbcc" }, { "00:11:22", "0:1:2:3:4:5" } },
                { "uuid", { "123e4567-e89b-12d3-a456-426614174000" }, { "123e4567", "" } },
                { "uuid4", { "123e4567-e89b-42d3-a456-426614174000" }, { "123e4567-e89b-12d3-a456-426614174000", "123e4567-e89b-42d3-c456-426614174000" } },
                { "uri", { "https://example.com/a?b", "/path", "urn:x" }, { "example.com", "http:// x", ":x" } },
                { "hexcolor", { "#fff", "a0b1c2" }, { "#ff", "#ggg" } },
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++)
                for (size_t k = 0; k < ELEMENTSOF(cases[i].yes); k++) {
                        if (cases[i].yes[k] && !crd_format_matches(cases[i].format, cases[i].yes[k]))
                                fail_msg("%s is no %s", cases[i].yes[k], cases[i].format);
                        if (cases[i].no[k] && crd_format_matches(cases[i].format, cases[i].no[k]))
                                fail_msg("%s is %s", cases[i].no[k], cases[i].format);
                }
        assert_true(crd_format_matches("isbn", "kept, and not looked at"));
}

#define DOCUMENT "{'metadata':{'labels':{'a.b/c':'x','d':'y'}},'spec':{'n':3,'list':[1,2,3],'t':true},'status':{'conditions':[" \
        "{'type':'Ready','status':'True','n':1},{'type':'Synced','status':'False','n':2}]}}"

static void test_jsonpath(void **state _unused_) {
        static const struct {
                const char *path, *value; /* NULL: nothing is found */
        } cases[] = {
                { ".spec.n", "3" },               { ".spec.list[0]", "1" },          { ".spec.list[-1]", "3" },        { ".spec.list[3]", NULL },
                { ".spec.list[-4]", NULL },       { ".spec.list[*]", "1" },          { ".spec.none", NULL },           { ".spec.n.x", NULL },
                { ".metadata.labels['a.b/c']", "'x'" }, { ".metadata.labels[\"d\"]", "'y'" }, { ".metadata.labels.a\\.b/c", "'x'" },
                { ".status.conditions[?(@.type==\"Ready\")].status", "'True'" }, { ".status.conditions[?(@.type == 'Synced')].status", "'False'" },
                { ".status.conditions[?(@.type==\"None\")].status", NULL },      { ".status.conditions[?(@.n>1)].type", "'Synced'" },
                { ".status.conditions[?(@.n<=1)].type", "'Ready'" },             { ".status.conditions[?(@.n!=1)].type", "'Synced'" },
                { ".status.conditions[?(@.other)].type", NULL },                 { ".status.conditions[?(@.type)].n", "1" },
                { ".status.conditions[*].n", "1" },                              { ".spec['list'][1]", "2" },  { "['spec'].t", "true" },
                { ".status.conditions[0]['status']", "'True'" },                 { ".metadata.labels.*", "'x'" },
        };
        static const char *const invalid[] = {
                "", "spec", ".", "..spec", ".spec..n", ".spec[", ".spec[]", ".spec[x]", ".spec['x", ".spec[?(@.a==1]", ".spec[?(a==1)]", ".spec[?(@.a==)]",
                ".spec[99999999999]", ".spec[--1]", ".spec]",
        };

        for (size_t i = 0; i < ELEMENTSOF(cases); i++) {
                _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
                _cleanup_(jsonpath_freep) JsonPath *p = NULL;
                _cleanup_error_ Error error = ERROR_NULL;
                const Json *found;

                if (jsonpath_new(cases[i].path, &p, &error) < 0)
                        fail_msg("%s: %s", cases[i].path, error_message(&error));
                found = jsonpath_find(p, parse(&a, DOCUMENT));
                if (cases[i].value ? !json_equal(found, parse(&a, cases[i].value)) : found != NULL)
                        fail_msg("%s", cases[i].path);
        }
        for (size_t i = 0; i < ELEMENTSOF(invalid); i++) {
                _cleanup_(jsonpath_freep) JsonPath *p = NULL;

                if (jsonpath_new(invalid[i], &p, NULL) >= 0 && !streq(invalid[i], ".")) /* the whole object */
                        fail_msg("taken: %s", invalid[i]);
        }
}

static void test_simple_paths(void **state _unused_) {
        _cleanup_json_arena_ JsonArena a = JSON_ARENA_INIT(MIB);
        Json *root = parse(&a, "{'spec':{'n':3}}");

        assert_int_equal(json_i64(jsonpath_get_simple(root, ".spec.n"), 0), 3);
        assert_null(jsonpath_get_simple(root, ".spec.m.x"));
        assert_true(jsonpath_set_simple(&a, root, ".spec.m.x", json_new_i64(&a, 4)));
        assert_int_equal(json_i64(jsonpath_get_simple(root, ".spec.m.x"), 0), 4);
        assert_false(jsonpath_set_simple(&a, root, ".spec.n.x", json_new_i64(&a, 4)));
        assert_false(jsonpath_set_simple(&a, root, "spec", json_new_i64(&a, 4)));
}

int main(void) {
        static const struct CMUnitTest tests[] = {
                cmocka_unit_test(test_values), cmocka_unit_test(test_schemas), cmocka_unit_test(test_pruning_and_defaults), cmocka_unit_test(test_formats),
                cmocka_unit_test(test_jsonpath), cmocka_unit_test(test_simple_paths),
        };

        return cmocka_run_group_tests(tests, NULL, NULL);
}
