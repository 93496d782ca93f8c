"""The policy file: what is refused, how it is read again, what the command line says about one."""

import json

import pytest

from support.configured import reload
from support.service import ok, refusal, run, said
from support.wait import Background, wait_until

# The contract's own, letter by letter.
EXAMPLE = """\
default: deny
rules:                                    # first match decides
  - match: {methods: [GET, PUT], path: /users/{owner}/**}     # GET covers HEAD; * one segment, ** zero or more; case-sensitive
    allow: [{owner: true}, {roles: [support]}]                 # alternatives: one suffices; inside one, all must hold; [] denies
  - match: {path: /reports/*}
    allow: [{roles: [analyst, admin], scopes: [reports:read]}] # any of the roles, all of the scopes
    cache_s: 5                                                 # proxies may keep a 200 this long
  - match: {path: /public/**}
    allow: [{anyone: true}]
tests:                                    # run by `tokend policy test FILE`, and at load
  - {token: {sub: u1, roles: [user]}, request: GET /users/u1/orders, expect: allow}
  - {token: {sub: u1, roles: [user]}, request: GET /users/u2/orders, expect: deny}
"""
OPEN = "rules:\n  - match: {path: /x}\n    allow: [{anyone: true}]\n"
CLOSED = "rules:\n  - match: {path: /x}\n    allow: []\n"


def write(folder, text, name="policy.yaml"):
    path = folder / name
    path.write_text(text)
    return path


def options(path):
    return {"policy.file": path, "forward_auth.trusted_peers": "127.0.0.1"}


def ask(service, uri, method="GET", token=None):
    headers = [("X-Forwarded-Method", method), ("X-Forwarded-Uri", uri)]
    if token:
        headers.append(("Authorization", f"Bearer {token}"))
    return service.get("/verify/forwarded", headers).status


# ---- what is no policy ----

# name -> (text, line, words of the complaint)
BAD = {
    "nothing": ("", 1, ["a policy needs rules"]),
    "no rules": ("default: deny\n", 1, ["a policy needs rules"]),
    "not YAML": ("rules: [\n", None, ["is not YAML"]),
    "a list": ("- a\n", 1, []),
    "allow by default": ("default: allow\n" + OPEN, 1, ["default can only be deny"]),
    "an unknown member": (OPEN + "more: 1\n", 4, ['unknown member "more"']),
    "rules no list": ("rules: {a: b}\n", 1, ["rules is a list"]),
    "no allow": ("rules:\n  - match: {path: /x}\n", 2, ["rule 1: ", "needs match and allow"]),
    "no match": (OPEN + "  - allow: []\n", 4, ["rule 2: ", "needs match and allow"]),
    "no path": (OPEN + "  - match: {methods: [GET]}\n    allow: []\n", 4,
                ["rule 2: ", "match needs a path"]),
    "a rule's unknown member": (OPEN + "    deny: true\n", 4, ["rule 1: ", '"deny"']),
    "an alternative's unknown member": (CLOSED + "  - match: {path: /y}\n    allow: [{role: x}]\n",
                                        5, ["rule 2: ", '"role"']),
    "an empty alternative": ("rules:\n  - match: {path: /x}\n    allow: [{}]\n", 3,
                             ["rule 1: ", "anyone: true"]),
    "anyone and somebody": (OPEN.replace("true", "true, roles: [a]"), 3,
                            ["rule 1: ", "anyone stands alone"]),
    "not anyone": (OPEN.replace("true", "false"), 3, ["rule 1: "]),
    "allow no list": ("rules:\n  - match: {path: /x}\n    allow: {anyone: true}\n", 3,
                      ["rule 1: ", "allow is a list"]),
    "an owner of nothing": ("rules:\n  - match: {path: /x}\n    allow: [{owner: true}]\n", 2,
                            ["rule 1: ", "{owner}"]),
    "no roles": ("rules:\n  - match: {path: /x}\n    allow: [{roles: []}]\n", 3, ["rule 1: "]),
    "a path without a slash": (OPEN.replace("/x", "x"), 2, ["rule 1: ", 'starts with "/"']),
    "two deep parts": (OPEN.replace("/x", "/**/x/**"), 2, ["rule 1: ", "** may stand once"]),
    "two owners": (OPEN.replace("/x", "'/{owner}/{owner}'"), 2, ["rule 1: ", "{owner} may stand"]),
    "half a star": (OPEN.replace("/x", "/x*"), 2, ["rule 1: ", '"x*"']),
    "a dot segment": (OPEN.replace("/x", "/a/../x"), 2, ["rule 1: ", '".."']),
    "an escape": (OPEN.replace("/x", "/a%20b"), 2, ["rule 1: ", '"a%20b"']),
    "an empty segment": (OPEN.replace("/x", "/a//b"), 2, ["rule 1: ", "empty segments"]),
    "HEAD": (OPEN.replace("path: /x", "path: /x, methods: [HEAD]"), 2, ["rule 1: ", "GET covers"]),
    "a small method": (OPEN.replace("path: /x", "path: /x, methods: [get]"), 2,
                       ["rule 1: ", "capitals", '"get"']),
    "no method": (OPEN.replace("path: /x", "path: /x, methods: []"), 2, ["rule 1: "]),
    "a host with a port": (OPEN.replace("path: /x", "path: /x, host: 'a:80'"), 2, ["rule 1: "]),
    "too long in a cache": (OPEN + "    cache_s: 301\n", 4, ["rule 1: ", "up to 300"]),
    "a cache of words": (OPEN + "    cache_s: 5s\n", 4, ["rule 1: ", "up to 300"]),
    "twice": ("rules:\n  - match: {path: /x}\n    allow: []\n    allow: [{anyone: true}]\n", 4, []),
    "an anchor": (OPEN.replace("/x", "&a /x"), 2, ["anchors"]),
    "a second document": (OPEN + "---\n" + CLOSED, 4, ["second document"]),
    "a failing test": (CLOSED + "tests:\n  - {request: GET /x, expect: allow}\n", 5,
                       ["test: GET /x is denied, not allowed", "line 2"]),
    "another failing test": (OPEN + "tests:\n  - {request: GET /x, expect: allow}\n"
                             "  - {request: GET /x/, expect: allow}\n", 6,
                             ["test: GET /x/ is denied, not allowed"]),
    "a test of too much": (OPEN + "tests:\n  - {request: GET /x, expect: deny}\n", 5,
                           ["test: GET /x is allowed, not denied", "line 2"]),
    "no test": (OPEN + "tests:\n  - {request: GET /x}\n", 5, ["expect is allow or deny"]),
    "a test of nobody": (OPEN + "tests:\n  - {token: {}, request: GET /x, expect: deny}\n", 5,
                         ["sub"]),
}
BAD_FILES = pytest.mark.parametrize("name", list(BAD))


def assert_says(text, path, name, start="tokend: "):
    """One line: the file, the line and what is wrong."""
    _, line, words = BAD[name]
    assert text.startswith(f"{start}{path}:{line}: " if line else f"{start}{path}:"), text
    for word in words:
        assert word in text, text
    assert "\n" not in text.rstrip("\n")


@BAD_FILES
def test_a_bad_policy_is_refused_with_file_and_line(tmp_path, name):
    path = write(tmp_path, BAD[name][0])
    assert_says(refusal(run("policy", "test", path)), path, name)
    explained = run("policy", "explain", "--policy", path, "GET", "/x")
    assert_says(refusal(explained), path, name)


@pytest.mark.parametrize("name", ["nothing", "not YAML", "no path", "a failing test", "an escape"])
def test_nothing_starts_with_a_bad_policy(fleet, tmp_path, name):
    path = write(tmp_path, BAD[name][0])
    service = fleet.make(options(path))
    assert_says(service.refused("serve"), path, name)
    assert_says(service.refused("config", "check"), path, name)
    path.write_text(OPEN)
    assert service.cli("config", "check") == "the configuration is good\n"
    assert ask(service.start(), "/x") == 200


def test_nothing_starts_without_the_policy_it_names(fleet, tmp_path):
    for path in (tmp_path / "nowhere.yaml", tmp_path):
        assert str(path) in fleet.make(options(path)).refused("serve")


# ---- read again ----

def test_a_reload_takes_all_or_nothing(fleet, tmp_path):
    path = write(tmp_path, OPEN)
    service = fleet.serve(options(path))
    assert ask(service, "/x") == 200
    for name, (text, _, _) in BAD.items():
        path.write_text(text)
        assert_says(reload(service), path, name, start="")
        assert ask(service, "/x") == 200, name
    assert service.admin("POST", "/admin/reload").status != 200

    path.write_text(CLOSED)
    assert ask(service, "/x") == 200  # until it is told
    assert reload(service) is None
    wait_until(lambda: ask(service, "/x") == 401, "the new policy is in force")
    path.unlink()
    assert str(path) in reload(service)
    assert ask(service, "/x") == 401
    path.write_text(OPEN)
    assert ok(service.admin("POST", "/admin/reload")) == {"done": True}
    assert ask(service, "/x") == 200


def test_every_request_sees_a_whole_policy_while_they_change(fleet, tmp_path):
    """What the rule allows and how long that may be kept are one policy's or the other's."""
    policies = {word: f"rules:\n  - match: {{path: /x}}\n    allow: [{{roles: [{role}]}}]\n"
                f"    cache_s: {age}\n"
                for word, role, age in (("one", "user", 1), ("two", "support", 2))}
    path = write(tmp_path, policies["one"])
    service = fleet.serve(options(path))
    alice, bob = (service.tokens(name)["access_token"] for name in ("alice", "bob"))
    headers = [("X-Forwarded-Method", "GET"), ("X-Forwarded-Uri", "/x")]

    def journey():
        seen = []
        for token in (alice, bob):
            given = [*headers, ("Authorization", f"Bearer {token}")]
            answer = service.get("/verify/forwarded", given)
            seen.append((answer.status, answer.one("cache-control")))
        assert seen[0] in ((200, "private, max-age=1"), (403, "no-store")), seen
        assert seen[1] in ((200, "private, max-age=1"), (200, "private, max-age=2")), seen
        return tuple(seen)

    with Background(journey, threads=2) as load:
        for word in ("two", "one") * 4:
            path.write_text(policies[word])
            assert reload(service) is None
            load.rounds(4)
            path.write_text(policies[word] + "nonsense: 1\n")
            assert "nonsense" in reload(service)
    assert not load.failures, load.failures
    assert len(set(load.results)) >= 2


def test_a_policy_comes_and_goes_with_the_configuration(fleet, tmp_path):
    service = fleet.make({"forward_auth.trusted_peers": "127.0.0.1"})
    config = write(tmp_path, "", "tokend.yaml")
    service.flags = lambda flags=service.flags: [*flags(), "--config", config]
    service.start()
    assert ask(service, "/x") == 403
    write(tmp_path, OPEN, "beside.yaml")  # a path in the file is one from the file's folder
    config.write_text("policy: {file: beside.yaml}\n")
    assert reload(service) is None
    wait_until(lambda: ask(service, "/x") == 200, "there is a policy")
    config.write_text("policy: {file: beside.yaml, owner_override_roles: a/b}\n")
    assert "owner_override_roles" in reload(service)
    config.write_text("")
    assert reload(service) is None
    wait_until(lambda: ask(service, "/x") == 403, "there is none")


# ---- policy test ----

def test_the_contracts_example_works_as_it_is_written(fleet, tmp_path):
    path = write(tmp_path, EXAMPLE)
    assert run("policy", "test", path).stdout == b"3 rules, 2 tests passed\n"
    service = fleet.serve(options(path))
    alice, bob = (service.tokens(name)["access_token"] for name in ("alice", "bob"))
    for uri, method, token, status in (
            ("/users/u-alice/orders", "GET", alice, 200), ("/users/u-alice", "PUT", alice, 200),
            ("/users/u-alice", "HEAD", alice, 200), ("/users/u-alice", "POST", alice, 403),
            ("/users/u-bob", "GET", alice, 403), ("/users/u-alice", "GET", bob, 200),
            ("/reports/q", "GET", alice, 403), ("/public", "GET", None, 200),
            ("/public/a/b", "DELETE", None, 200), ("/elsewhere", "GET", alice, 403)):
        assert ask(service, uri, method, token) == status, (method, uri)


@pytest.mark.parametrize("quoted", ["/users/{owner}/**", "'/users/{owner}/**'",
                                    '"/users/{owner}/**"'])
@pytest.mark.parametrize("shape", ["{path: %s}", "{ path:  %s }", "{methods: [GET], path: %s}",
                                   "{path: %s, methods: [GET]}", "\n      path: %s",
                                   "\n      methods:\n        - GET\n      path: %s  # a path"])
def test_braces_in_a_path_need_no_quotes(tmp_path, quoted, shape):
    path = write(tmp_path, f"rules:\n  - match: {shape % quoted}\n    allow: [{{owner: true}}]\n"
                 "tests:\n  - {token: {sub: u1}, request: GET /users/u1/x, expect: allow}\n"
                 "  - {token: {sub: u2}, request: GET /users/u1/x, expect: deny}\n")
    done = run("policy", "test", path)
    assert (done.returncode, done.stdout) == (0, b"1 rules, 2 tests passed\n"), said(done)


def test_policy_test_counts(tmp_path):
    path = write(tmp_path, EXAMPLE)
    done = run("policy", "test", path, "--json")
    assert (done.returncode, done.stderr) == (0, b""), said(done)
    assert json.loads(done.stdout) == {"rules": 3, "tests": 2}


@pytest.mark.parametrize("words", [("test",), ("test", "a", "b"), ("explain",), ("explain", "GET"),
                                   ("explain", "GET", "/x", "/y"), ("nonsense",), (),
                                   ("test", "a", "--as", "{}")], ids=str)
def test_wrong_usage(words):
    done = run("policy", *words)
    assert done.returncode == 2 and done.stdout == b"" and b"policy" in done.stderr, said(done)


# ---- policy explain ----

def explain(path, *words, code=0):
    done = run("policy", "explain", "--policy", path, *words)
    assert done.returncode == code and (code != 0 or done.stderr == b""), said(done)
    return done.stdout.decode()


def test_explain_says_which_rule_and_why_not_the_others(tmp_path):
    path = write(tmp_path, EXAMPLE)
    u1 = ("--as", '{"sub": "u1", "roles": ["user"]}')
    assert explain(path, *u1, "GET", "/users/u1") == (
        "allowed by the rule on line 3\n"
        "path /users/u1\n"
        "  rule 1, line 3, /users/{owner}/**: matches\n"
        "    allows: owner\n"
        "    needs one of the roles: roles [support]\n")
    assert explain(path, *u1, "GET", "/users/u2/x") == (
        "denied by the rule on line 3\n"
        "path /users/u2/x\n"
        "  rule 1, line 3, /users/{owner}/**: matches\n"
        "    is for the owner: owner\n"
        "    needs one of the roles: roles [support]\n")
    assert explain(path, *u1, "DELETE", "/users/u1") == (
        "denied\n"
        "path /users/u1\n"
        "  rule 1, line 3, /users/{owner}/**: another method\n"
        "  rule 2, line 5, /reports/*: another path\n"
        "  rule 3, line 8, /public/**: another path\n"
        "  no rule matches: denied by default\n")
    analyst = ("--as", '{"sub": "u3", "roles": "analyst", "scope": "reports:write"}')
    assert explain(path, *analyst, "GET", "/reports/q") == (
        "denied by the rule on line 5\n"
        "path /reports/q\n"
        "  rule 1, line 3, /users/{owner}/**: another path\n"
        "  rule 2, line 5, /reports/*: matches\n"
        "    needs the scopes: roles [analyst admin] scopes [reports:read]\n")
    assert explain(path, "GET", "/users/u1").startswith("denied by the rule on line 3\n")
    assert "needs a login" in explain(path, "GET", "/users/u1")
    assert explain(path, "GET", "/public/x").startswith("allowed by the rule on line 8\n")


def test_explain_shows_both_readings_of_a_crooked_path(tmp_path):
    path = write(tmp_path, EXAMPLE)
    text = explain(path, "GET", "/public/%2e%2e/users/u1")
    assert text.startswith("denied\n")
    assert "read strictly as /users/u1\n" in text
    assert "read as it stands as /public/%2e%2e/users/u1\n" in text
    assert explain(path, "GET", "/public/%zz") == "denied\nthe path cannot be decoded\n"
    assert explain(path, "GET", "public") == "denied\nthe path cannot be decoded\n"


def test_explain_with_hosts(tmp_path):
    path = write(tmp_path, "rules:\n  - match: {path: /x, host: a.example}\n"
                 "    allow: [{anyone: true}]\n")
    assert explain(path, "GET", "/x", "--host", "A.Example.") == (
        "allowed by the rule on line 2\npath /x\n  rule 1, line 2, /x: matches\n"
        "    allows: anyone\n")
    assert "another host" in explain(path, "GET", "/x", "--host", "b.example")
    assert "the request has none" in explain(path, "GET", "/x")


def test_explain_agrees_with_the_service(fleet, tmp_path):
    path = write(tmp_path, EXAMPLE)
    service = fleet.serve(options(path))
    for name, roles in (("alice", ["user"]), ("bob", ["user", "support"]),
                        ("boss", ["admin", "tokend:admin"])):
        token = service.tokens(name)["access_token"]
        who = json.dumps({"sub": f"u-{name}", "roles": roles})
        for uri in ("/users/u-alice", "/users/u-bob/x", "/users/u-alice/../u-bob", "/reports/q",
                    "/public/%2e%2e/users/u-bob", "/public/x", "/x"):
            status = ask(service, uri, token=token)
            text = service.cli("policy", "explain", "--as", who, "GET", uri)
            assert text.startswith("allowed") == (status == 200), (name, uri, text)


@pytest.mark.parametrize("who", ["{", "[]", "null", '"u1"', "{}", '{"sub": 1}', '{"sub": ""}',
                                 '{"sub": "u1", "roles": 1}', '{"sub": "u1", "roles": [1]}',
                                 '{"sub": "u1", "roles": {"a": 1}}', '{"sub": "u1", "scope": [[]]}',
                                 '{"sub": "u1", "sub": "u2"}'])
def test_explain_refuses_who_is_nobody(tmp_path, who):
    path = write(tmp_path, EXAMPLE)
    refusal(run("policy", "explain", "--policy", path, "--as", who, "GET", "/x"))


def test_explain_needs_a_policy():
    assert "--policy" in refusal(run("policy", "explain", "GET", "/x"))


# ---- large ones ----

RULES = 5000


@pytest.fixture(scope="module")
def large(tmp_path_factory):
    rules = "".join(f"  - match: {{methods: [GET], path: /s{i}/{{owner}}/**}}\n"
                    f"    allow: [{{owner: true}}, {{roles: [r{i}]}}]\n" for i in range(RULES))
    tests = "tests:\n  - {token: {sub: u1}, request: GET /s4999/u1/x, expect: allow}\n"
    return write(tmp_path_factory.mktemp("large"), "rules:\n" + rules + tests)


def test_thousands_of_rules_decide(fleet, large):
    assert run("policy", "test", large).stdout == b"%d rules, 1 tests passed\n" % RULES
    service = fleet.serve(options(large))
    alice = service.tokens()["access_token"]
    for i in (0, 1, RULES // 2, RULES - 1):
        assert ask(service, f"/s{i}/u-alice/x", token=alice) == 200
        assert ask(service, f"/s{i}/u-bob/x", token=alice) == 403
        assert ask(service, f"/s{i}/u-alice/../u-bob/x", token=alice) == 403
    assert ask(service, f"/s{RULES}/u-alice", token=alice) == 403
    assert reload(service) is None
    assert ask(service, f"/s{RULES - 1}/u-alice", token=alice) == 200


def test_thousands_of_rules_are_explained(large):
    text = explain(large, "--as", '{"sub": "u1"}', "GET", f"/s{RULES - 1}/u1")
    assert text.startswith(f"allowed by the rule on line {2 * RULES}\n")
    assert text.count("another path") == RULES - 1


def test_a_bad_rule_among_thousands_is_found(tmp_path, large):
    lines = large.read_text().split("\n")
    lines[2 * 4321] = "    allow: [{owner: true}, {role: x}]"
    path = write(tmp_path, "\n".join(lines))
    assert f"{path}:{2 * 4321 + 1}: rule 4321: " in refusal(run("policy", "test", path))
