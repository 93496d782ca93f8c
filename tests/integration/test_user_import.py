"""Moving in: users of another application come with the hashes that it has, log in, and are hashed anew."""

import csv
import functools
import io
import json
import sqlite3
import subprocess

import pytest
from passlib import hash as made

from support.configured import Configured
from support.service import RS, binary, oauth_error, ok, said
from support.signing import Key
from support.wait import Background, at_once, limit, wait_until

PASSWORD = "correct horse ☃ battery"
OLD_SECRET = b"one secret in all services, 0123456789abcdef"

# What an application may have, as cheap as the kind allows; as its library writes it.
KINDS = {
    "argon2id, many lanes": made.argon2.using(type="ID", memory_cost=64, time_cost=2, parallelism=4),
    "argon2i": made.argon2.using(type="I", memory_cost=64, time_cost=1, parallelism=1),
    "bcrypt 2a": made.bcrypt.using(rounds=4, ident="2a"),
    "bcrypt 2b": made.bcrypt.using(rounds=4, ident="2b"),
    "bcrypt 2y": made.bcrypt.using(rounds=4, ident="2y"),
    "bcrypt-sha256": made.bcrypt_sha256.using(rounds=4),
    "bcrypt-sha256 1": made.bcrypt_sha256.using(rounds=4, version=1),
    "pbkdf2-sha256": made.pbkdf2_sha256.using(rounds=1000),
    "pbkdf2-sha512": made.pbkdf2_sha512.using(rounds=1000),
    "scrypt": made.scrypt.using(rounds=4),
    "sha256-crypt": made.sha256_crypt.using(rounds=1000),
    "sha512-crypt": made.sha512_crypt.using(rounds=1000),
    "Django's PBKDF2": made.django_pbkdf2_sha256.using(rounds=1000),
    "Django's bcrypt": made.django_bcrypt.using(rounds=4),
    "Django's argon2": made.django_argon2.using(memory_cost=64, time_cost=1, parallelism=1),
}
CHEAP = made.bcrypt.using(rounds=4).hash(PASSWORD)


@pytest.fixture(params=["daemon", "no daemon"])
def both(request, fleet):
    """A data folder, served or not: the command must do the same."""
    service = fleet.make()
    return service.start() if request.param == "daemon" else service


@pytest.fixture
def written(tmp_path):
    """Writes a file and gives its path; users become JSON."""
    def write(content, name="users.json"):
        path = tmp_path / name
        if isinstance(content, list):
            content = json.dumps(content)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path
    return write


def user(name, password_hash=CHEAP, **more):
    return {"username": name, "password_hash": password_hash} | more


def imported(service, path, *flags):
    return service.cli("user", "import", path, "--json", *flags)


def refused(service, path, *flags):
    """Its report; one line says that nothing was imported."""
    done = service.try_cli("user", "import", path, "--json", *flags)
    assert done.returncode == 1, said(done)
    assert done.stderr.startswith(b"tokend: nothing was imported: "), said(done)
    assert done.stderr.count(b"\n") == 1, said(done)
    return json.loads(done.stdout)


def stored(service):
    """Name to hash, as it lies on the disk."""
    with sqlite3.connect(f"file:{service.data}/tokend.db?mode=ro", uri=True) as database:
        return dict(database.execute("SELECT username, phc FROM users"))


def served(service):
    return service if service.running() else service.start()


# ---- what it is for ----

def test_every_kind_logs_in_and_is_hashed_anew_at_the_first_login(both, written):
    hashes = {kind: method.hash(PASSWORD) for kind, method in KINDS.items()}
    path = written([user(kind, text, id=f"u-{i}", roles=["user"], scopes="read write")
                    for i, (kind, text) in enumerate(hashes.items())])
    report = imported(both, path)
    assert report["added"] == len(KINDS) and not report["refused"], report
    service = served(both)
    for i, (kind, text) in enumerate(hashes.items()):
        assert stored(service)[kind] in text, kind
        oauth_error(service.login(kind, PASSWORD + "!"), 400, "invalid_grant")
        assert stored(service)[kind] in text, kind
        pair = service.tokens(kind, PASSWORD)
        assert pair["scope"] == "read write"
        told = service.introspect(pair["access_token"])
        assert (told["sub"], told["roles"], told["username"]) == (f"u-{i}", ["user"], kind)
        # The answer does not wait for the new hash to be stored.
        wait_until(lambda: stored(service)[kind].startswith("$argon2id$v=19$m=8,t=1,p=1$"),
                   f"{kind} has our hash")
        oauth_error(service.login(kind, PASSWORD + "!"), 400, "invalid_grant")
        service.tokens(kind, PASSWORD)
    service.restart()
    for kind in KINDS:
        service.tokens(kind, PASSWORD)


def test_who_was_disabled_stays_out(both, written):
    imported(both, written([user("out", disabled=True), user("in", disabled=False)]))
    service = served(both)
    oauth_error(service.login("out", PASSWORD), 400, "invalid_grant")
    service.tokens("in", PASSWORD)
    assert stored(service)["out"] == CHEAP
    service.cli("user", "enable", "out")
    service.tokens("out", PASSWORD)


def test_the_old_applications_tokens_and_the_new_logins_are_the_same_people(fleet, tmp_path,
                                                                            written):
    """The whole of moving in: its users, its hashes, and its HS256 tokens until they have died."""
    (tmp_path / "old.secret").write_bytes(OLD_SECRET)
    place = Configured(fleet, tmp_path, """
trusted_issuers:
  - secret_file: old.secret
    algorithms: [HS256]
    for_tokens_without: [iss, kid, aud]
    roles: {administrator: admin}
""")
    imported(place.service, written([user("ann", id="42", roles="admin,user")]))
    service = place.start().service
    old = Key("HS256", secret=OLD_SECRET).token({"sub": "42", "user_id": 42, "exp": 4102444800,
                                                 "role": "administrator"})
    new = service.tokens("ann", PASSWORD)["access_token"]
    for token in (old, new):
        answer = ok(service.verify(token, "?owner=42"))
        assert answer["user_id"] == "42" and "admin" in answer["roles"]
        assert service.introspect(token)["active"]
    assert service.verify(old, "?owner=43&role=user").status == 403


# ---- looking first ----

def test_a_dry_run_counts_and_changes_nothing(both, written):
    users = [user(f"b{i}", made.bcrypt.using(rounds=4 + i % 2).hash("x")) for i in range(4)]
    users += [user("s", made.sha512_crypt.using(rounds=2000).hash("x")),
              user("Alice", id="u-alice"), user("bob", id="u-else")]
    path = written(users)
    done = both.try_cli("user", "import", path, "--json", "--dry-run")
    assert done.returncode == 1, said(done)
    report = json.loads(done.stdout)
    assert report["dry_run"] is True and report["users"] == 7 and report["added"] == 5
    assert [(row["line"], row["field"]) for row in report["refused"]] == [(1, "username")]
    assert [row["field"] for row in report["different"]] == ["username"]
    schemes = {row["scheme"]: row for row in report["schemes"]}
    assert schemes["bcrypt"]["users"] == 5 and schemes["bcrypt"]["worst"] == "cost=5"
    assert schemes["sha512-crypt"]["worst"] == "rounds=2000"
    assert all(row["worst_ms"] >= 1 for row in schemes.values())
    assert set(stored(both)) == {"alice", "bob", "boss"}
    text = both.try_cli("user", "import", path, "--dry-run").stdout.decode()
    assert "would be added: 5\n" in text and "bcrypt: 5, worst cost=5 (about " in text
    assert "line 1: username: a user of this name is there, under another id\n" in text


def test_one_mistake_keeps_everybody_out_and_all_of_them_are_told(both, written):
    path = written("\n".join([
        "username,password_hash,id,roles,disabled",
        f"good,{CHEAP},,,",
        f"Good,{CHEAP},,,",                          # 3
        f"ünal,{CHEAP},u-1,,",
        f"ÜNAL,{CHEAP},u-2,,",                       # 5
        f"other,{CHEAP},u-1,,",                      # 6
        f"x,$2x${CHEAP[4:]},,,",                     # 7
        f"y,{CHEAP.replace('$04$', '$31$')},,,",     # 8
        f"z,{CHEAP},client:z,,",                     # 9
        f"v,{CHEAP},,\"a,b;c\",",                    # 10
        f"w,{CHEAP},,,perhaps",                      # 11
        f",{CHEAP},,,",                              # 12
        "empty,,,,",                                 # 13
        "short,x",                                   # 14
        f"{'n' * 256},{CHEAP},,,",                   # 15
        f"{'n' * 5000},{CHEAP},,,",                  # 16
        f"\" spaced\",{CHEAP},,,",                   # 17
    ]), "users.csv")
    report = refused(both, path)
    assert report["added"] == 0 and report["users"] == 16
    assert [(row["line"], row["field"]) for row in report["duplicates"]] == [
        (3, "username"), (5, "username"), (6, "user_id")]
    assert [(row["line"], row["field"]) for row in report["refused"]] == [
        (7, "password_hash"), (8, "password_hash"), (9, "user_id"), (10, "roles"),
        (11, "disabled"), (12, "username"), (13, "password_hash"), (14, ""), (15, "username"),
        (16, "username"), (17, "username")]
    reasons = {row["line"]: row["reason"] for row in report["refused"]}
    assert "$2x$" in reasons[7] and "bcrypt.max_cost" in reasons[8] and "client:" in reasons[9]
    assert set(stored(both)) == {"alice", "bob", "boss"}
    done = both.try_cli("user", "import", path)
    for text in (done.stdout + done.stderr, json.dumps(report).encode()):
        assert CHEAP[10:].encode() not in text, "a hash was printed"


@pytest.mark.parametrize("option, password_hash", [
    ("bcrypt.max_cost=4", made.bcrypt.using(rounds=5).hash("x")),
    ("pbkdf2.max_rounds=999", made.pbkdf2_sha256.using(rounds=1000).hash("x")),
    ("scrypt.max_m_kib=15", made.scrypt.using(rounds=4, block_size=8).hash("x")),
    ("scrypt.max_p=1", made.scrypt.using(rounds=4, parallelism=2).hash("x")),
    ("sha_crypt.max_rounds=1000", made.sha512_crypt.using(rounds=1001).hash("x")),
    ("argon2.max_p=3", made.argon2.using(memory_cost=64, time_cost=1, parallelism=4).hash("x")),
], ids=lambda value: value.split("=")[0] if "max_" in value else "")
def test_every_cost_has_a_ceiling_at_import_and_at_login(fleet, written, option, password_hash):
    name, value = option.split("=")
    path = written([user("costly", password_hash)])
    low = fleet.make({name: value})
    assert name in refused(low, path)["refused"][0]["reason"]
    high = fleet.make()
    imported(high, path)
    high.options[name] = value
    high.start()
    oauth_error(high.login("costly", "x"), 400, "invalid_grant")
    assert "stored_hash_unusable" in high.log()


# ---- files ----

def in_csv(rows, **how):
    out = io.StringIO()
    csv.writer(out, **how).writerows(rows)
    return out.getvalue()


ROWS = [["username", "password_hash", "roles", "scopes", "disabled", "id"],
        ["a, \"b\"", CHEAP, "admin,user", "read write", "false", "u-1"],
        ["ünal", CHEAP, "", "read, write", "t", ""]]
OBJECTS = [user('a, "b"', roles=["admin", "user"], scopes="read write", disabled=False, id="u-1"),
           user("ünal", roles=None, scopes=["read", "write"], disabled=True)]


FILES = [
    ("u.csv", in_csv(ROWS)),
    ("u.csv", in_csv(ROWS, lineterminator="\n")),
    ("u.csv", in_csv(ROWS, quoting=csv.QUOTE_ALL).rstrip()),
    ("u.csv", "\ufeff" + in_csv(ROWS)),
    ("export", in_csv(ROWS)),
    ("u.json", json.dumps(OBJECTS)),
    ("u.json", "\ufeff" + json.dumps(OBJECTS, indent=3)),
    ("u.json", "\n".join(json.dumps(row) for row in OBJECTS)),
    ("export", json.dumps(OBJECTS, ensure_ascii=False)),
    ("u.jsonl", "\r\n".join(json.dumps(row) for row in OBJECTS) + "\r\n"),
    ("u.json", json.dumps(OBJECTS).replace('"id"', '"user_id"').replace('"scopes"', '"scope"')
     .replace('"password_hash"', '"hashed_password"')),
]


@pytest.mark.parametrize("name, content", FILES, ids=[str(i) for i in range(len(FILES))])
def test_files_that_mean_the_same(fleet, written, name, content):
    service = fleet.make()
    assert imported(service, written(content, name))["added"] == 2
    users = {row["username"]: row for row in service.cli("user", "list", "--json")["users"]}
    first, second = users['a, "b"'], users["ünal"]
    assert (first["user_id"], first["roles"], first["scope"], first["disabled"]) == (
        "u-1", ["admin", "user"], "read write", False)
    assert (second["roles"], second["scope"], second["disabled"]) == ([], "read write", True)


NO_FILES = [
    ("u.csv", "", "there are no users"),
    ("u.csv", "username,password_hash\n", "there are no users"),
    ("u.csv", "username,hash\na,b", "column 2 has a name that is not known"),
    ("u.csv", "username\na", "there is no column password_hash"),
    ("u.csv", "id,password_hash,user_id,username\n", "two columns for user_id"),
    ("u.csv", f"username,password_hash\n\"a,{CHEAP}\nb", "line 2: a quoted field that does not end"),
    ("u.csv", b"username,password_hash\na\0b,c", "line 2: a NUL"),
    ("u.csv", "username,password_hash\na,b\n".encode("utf-16"), "is UTF-16: save it as UTF-8"),
    ("u.csv", "username,password_hash\ra,b\r", "line 1: a carriage return"),
    ("u.json", "", "there are no users"),
    ("u.json", "[]", "there are no users"),
    ("u.json", "[1]", "line 1: not a JSON object"),
    ("u.json", "{\"users\": []}\n", "cannot be taken"),
    ("u.json", f"[{json.dumps(user('a'))}\n", "line 2: it ends too early"),
    ("u.json", f"[\n{json.dumps(user('a'))[:-1]}", "line 2: what begins here does not end"),
    ("u.json", '[{"username":"a","username":"b"}]', "begins in line 1: line 1: a member stands"),
    ("u.json", b'[{"username":"a\xff"}]', "not valid UTF-8"),
    ("u.json", '[{"username":"a\\u0000b"}]', "a string holds a NUL"),
    ("u.json", "[" * 1000000, "line 1: what begins here does not end"),
    ("u.json", "[" * 100000 + "]" * 100000, "it is nested too deep"),
    ("u.json", '[{"username":"' + "x" * 300000 + '"}]', "longer than"),
    ("u.json", json.dumps([user("a", email="x")]), "cannot be taken"),
    ("u.json", json.dumps([user("a", disabled="no")]), "cannot be taken"),
    ("u.json", json.dumps([user("a", roles={"admin": 1})]), "cannot be taken"),
    ("u.json", json.dumps([user("a", id=1)]), "cannot be taken"),
    ("u.json", json.dumps([user("a", id="1", user_id="2")]), "cannot be taken"),
]


@pytest.mark.parametrize("name, content, line", NO_FILES, ids=[str(i) for i in range(len(NO_FILES))])
def test_files_that_are_none_change_nothing_and_say_where(fleet, written, name, content, line):
    service = fleet.make()
    done = service.try_cli("user", "import", written(content, name))
    assert done.returncode == 1, said(done)
    assert done.stderr.count(b"\n") == 1 and line in done.stderr.decode(), said(done)
    assert set(stored(service)) == {"alice", "bob", "boss"}


def test_a_file_that_cannot_be_read(fleet, tmp_path):
    service = fleet.make()
    assert "No such file" in service.refused("user", "import", tmp_path / "none.json")
    assert "Is a directory" in service.refused("user", "import", tmp_path)
    service.refused("user", "import", "-", stdin="nothing\n")


# ---- once, and again ----

def many(count):
    return [user(f"user {i}", id=f"m-{i}", roles=["user"]) for i in range(count)]


def test_run_again_it_adds_what_is_new_and_leaves_what_is_there(both, written):
    assert imported(both, written(many(5)))["added"] == 5
    service = served(both)
    service.tokens("user 1", PASSWORD)
    wait_until(lambda: stored(service)["user 1"] != CHEAP, "the hash is ours")
    service.cli("user", "roles", "user 2", "--role", "admin")
    report = imported(service, written(many(7)))
    assert (report["added"], report["unchanged"]) == (2, 4)
    assert [(row["line"], row["field"]) for row in report["different"]] == [(1, "roles")]
    service.tokens("user 1", PASSWORD)
    listed = {row["username"]: row for row in service.cli("user", "list", "--json")["users"]}
    assert listed["user 2"]["roles"] == ["admin"]
    with sqlite3.connect(f"file:{service.data}/tokend.db?mode=ro", uri=True) as database:
        rows = database.execute("SELECT user_id FROM audit WHERE event = 'user_imported'").fetchall()
    assert sorted(rows) == [(f"m-{i}",) for i in range(7)]


def test_a_daemon_that_dies_in_the_middle_loses_nothing_and_the_same_file_goes_on(service, written):
    count = 4000
    path = written(many(count))
    command = subprocess.Popen([binary(), "user", "import", path, *map(str, service.flags())],
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=service.env)
    wait_until(lambda: len(stored(service)) > 300, "some users are there", 60)
    service.kill()
    _, complaint = command.communicate(timeout=limit(60))
    assert command.returncode == 1 and b"run it again" in complaint, complaint
    there = len(stored(service)) - 3
    assert 0 < there < count
    service.start()
    report = imported(service, path)
    assert (report["added"], report["unchanged"]) == (count - there, there)
    assert len(stored(service)) == count + 3


def test_checks_and_logins_go_on_while_thousands_move_in(service, written):
    path = written(many(3000))
    token = service.tokens()["access_token"]
    with Background(lambda: ok(service.verify(token, "?role=user"))) as checks:
        with Background(service.tokens, threads=1) as logins:
            assert imported(service, path)["added"] == 3000
            checks.rounds(1)
            logins.rounds(1)
    assert not checks.failures + logins.failures, checks.failures + logins.failures
    service.tokens("user 2999", PASSWORD)


def test_a_crowd_with_costly_hashes_is_let_in_and_starves_nobody(fleet, written):
    """What passlib and pwdlib make by default takes three times the memory of ours."""
    costly = made.argon2.using(type="ID", memory_cost=65536, time_cost=1, parallelism=4)
    service = fleet.serve({"argon2.m_kib": 4096, "hasher.threads_count": 2})
    crowd = [f"crowd {i}" for i in range(6)]
    imported(service, written([user(name, costly.hash(PASSWORD)) for name in crowd]))
    answers = at_once(*[functools.partial(service.login, name, PASSWORD) for name in crowd],
                      *[functools.partial(service.login, name) for name in ["alice", "bob"] * 4])
    assert {answer.status for answer in answers} == {200}, answers


# ---- by the administrative interface ----

def test_a_batch_over_the_socket(service):
    users = [{"username": "ann", "password_hash": CHEAP, "user_id": "u-ann", "scope": "read"}]
    body = {"users": users}
    answer = ok(service.admin("POST", "/admin/users/import", body | {"dry_run": True}))
    assert answer["added"] == 1 and "ann" not in stored(service)
    answer = ok(service.admin("POST", "/admin/users/import", body))
    assert answer["added"] == 1 and stored(service)["ann"] == CHEAP
    assert ok(service.admin("POST", "/admin/users/import", body))["unchanged"] == 1
    users.append({"username": "eve", "password_hash": "$2x$" + CHEAP[4:]})
    answer = service.admin("POST", "/admin/users/import", body)
    assert answer.status == 400 and "user 1: password_hash: " in answer.json["detail"], answer
    assert CHEAP[10:] not in answer.body.decode()
    assert service.introspect(service.tokens("ann", PASSWORD)["access_token"], RS)["scope"] == "read"
