"""api/openapi.yaml: served as it stands, its examples are what it describes, and what it does not describe is seen.

That every other test's answers are held to it is support/service.py's doing.
"""

import json

import pytest

from support.description import FILE, PUBLIC, Undescribed, complaint, description, validator
from support.service import ok
from support.wire import Answer

SERVED = {"/openapi.yaml": "application/yaml", "/openapi.json": "application/json"}


# ---- served ----

def test_the_yaml_is_the_file(shared):
    assert shared.get("/openapi.yaml").body == FILE.read_bytes()


def test_the_json_says_the_same(shared):
    assert ok(shared.get("/openapi.json")) == json.loads(json.dumps(description().document))


@pytest.mark.parametrize("path", SERVED)
def test_who_has_it_does_not_get_it_again(shared, path):
    first = shared.get(path)
    assert first.one("content-type") == SERVED[path]
    assert first.one("cache-control") == "public, max-age=300"
    tag = first.one("etag")
    for given in (tag, f"W/{tag}", f'"another", {tag}', "*"):
        again = shared.get(path, [("If-None-Match", given)])
        assert again.status == 304 and again.one("etag") == tag and again.body == b""
    for given in ('"another"', tag.strip('"'), ""):
        assert shared.get(path, [("If-None-Match", given)]).status == 200
    assert shared.get(path, [("If-None-Match", shared.get(next(
        other for other in SERVED if other != path)).one("etag"))]).status == 200


def test_it_is_not_on_the_admin_listener(shared):
    for path in SERVED:
        assert shared.admin("GET", path).status == 404


# ---- its examples ----

def walk(value, path=""):
    yield path, value
    for name, inner in (value.items() if isinstance(value, dict) else
                        enumerate(value) if isinstance(value, list) else ()):
        yield from walk(inner, f"{path}/{name}")


def examples():
    """(path, schema, example) of each."""
    for path, value in walk(description().resolved):
        if not isinstance(value, dict):
            continue
        if isinstance(value.get("examples"), list):  # of a schema
            yield from ((path, value, example) for example in value["examples"])
        if "schema" in value and "example" in value:  # of content, a parameter, a header
            yield path, value["schema"], value["example"]
        if "schema" in value and isinstance(value.get("examples"), dict):
            yield from ((f"{path}/{name}", value["schema"], example["value"])
                        for name, example in value["examples"].items())


def test_every_example_is_what_its_schema_describes():
    count = 0
    for path, schema, example in examples():
        count += 1
        assert complaint(validator(schema), example) is None, (path, example)
    assert count > 100


# ---- that it holds anybody to anything ----

def responses():
    for path in description().resolved["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict):
                yield from operation["responses"].values()


def open_objects(schema, path=""):
    """Objects of a schema that may have members which nobody has described."""
    is_object = schema.get("type") == "object" or "properties" in schema
    closed = schema.get("additionalProperties") is False or (
        schema.get("unevaluatedProperties") is False)
    if is_object and not closed and "allOf" not in schema:
        yield path
    for name, inner in schema.get("properties", {}).items():
        yield from open_objects(inner, f"{path}/{name}")
    for several in ("oneOf", "anyOf"):
        for inner in schema.get(several, ()):
            yield from open_objects(inner, path)
    if not closed:  # or it closes them, together with what it adds
        for inner in schema.get("allOf", ()):
            yield from open_objects(inner, path)
    if "items" in schema:
        yield from open_objects(schema["items"], f"{path}/items")


def test_no_answer_may_have_more_than_is_described():
    count = 0
    for response in responses():
        assert {"X-Request-Id", "Cache-Control"} <= set(response["headers"]), response
        for content in response.get("content", {}).values():
            count += 1
            if content["schema"].get("required") != ["openapi", "info", "paths"]:
                assert list(open_objects(content["schema"])) == [], content
    assert count > 100


GOOD = {"x-request-id": "a", "cache-control": "no-store", "content-type": "application/json",
        "content-length": "15", "date": "today"}


@pytest.mark.parametrize("status, changed, body", [
    (200, {}, '{"status":"well"}'),
    (200, {}, '{"status":"ok","more":1}'),
    (200, {}, '{}'),
    (200, {}, '[]'),
    (201, {}, '{"status":"ok"}'),
    (404, {}, '{"detail":"Not found"}'),
    (200, {"content-type": "application/json; charset=utf-8"}, '{"status":"ok"}'),
    (200, {"content-type": "text/plain"}, '{"status":"ok"}'),
    (200, {"content-type": None}, '{"status":"ok"}'),
    (200, {"cache-control": "public"}, '{"status":"ok"}'),
    (200, {"cache-control": None}, '{"status":"ok"}'),
    (200, {"x-request-id": None}, '{"status":"ok"}'),
    (200, {"x-request-id": ""}, '{"status":"ok"}'),
    (200, {"x-powered-by": "y"}, '{"status":"ok"}'),
    (503, {}, '{"detail":"draining"}'),
    (503, {"retry-after": "soon"}, '{"detail":"draining"}'),
    (503, {"retry-after": "0"}, '{"detail":"draining"}'),
    (503, {"retry-after": "1"}, '{"detail":"tired"}'),
])
def test_what_is_not_described_is_seen(status, changed, body):
    def check(status, headers, body):
        answer = Answer(status, [row for row in headers.items() if row[1] is not None], body)
        description().check("GET", "/healthz/ready", PUBLIC, answer)

    check(200, GOOD, b'{"status":"ok"}')
    check(503, GOOD | {"retry-after": "1"}, b'{"detail":"draining"}')
    with pytest.raises(Undescribed):
        check(status, GOOD | changed, body.encode())


@pytest.mark.parametrize("method, target, status, more", [
    ("POST", "/healthz/ready", 405, {"allow": "GET"}),
    ("POST", "/healthz/ready", 405, {"allow": "GET, HEAD, POST"}),
    ("POST", "/healthz/ready", 404, {}),
    ("GET", "/healthz/well", 200, {}),
    ("GET", "/healthz/well", 405, {"allow": "GET, HEAD"}),
    ("GET", "/admin/users", 200, {}),
    ("GET", "/admin/users", 401, {"www-authenticate": 'Bearer realm="tokend"'}),
])
def test_other_methods_and_paths_are_refused_as_described(method, target, status, more):
    def check(method, target, status, more):
        answer = Answer(status, list((GOOD | more).items()), b'{"detail":"Not found"}')
        description().check(method, target, PUBLIC, answer)

    check("GET", "/healthz/well", 404, {})
    check("POST", "/healthz/ready", 405, {"allow": "GET, HEAD"})
    with pytest.raises(Undescribed):
        check(method, target, status, more)
