"""The same work over so many users and as many sessions: what grows with the data, and what must not; and a purge
of expired sessions beside other work. Hashes are the cheapest there are, so that the rest of a login shows."""

import contextlib
import json
import os
import pathlib
import random
import shutil
import sqlite3
import statistics
import subprocess
import time

from server import BASIC, Tokend, free_port, login_form, raw

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = pathlib.Path(os.environ.get("BENCH_PROGRAMS", ""))
CHEAP = {"argon2__weak": "true", "argon2__m_kib": "8", "argon2__t": "1"}
LOGINS = 2000
CHAINS = 256
ROUNDS = 3
EXPIRED = 1000000
STARTS = 5
# More than this many times as much as at the smallest size is too much (target 12).
GROWTH = 1.3
START_MS = 100

USERS = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO users (id, username, name_key, phc, roles, scopes, epoch, epoch_at, disabled, created_at, updated_at)
  SELECT printf('u-%08d', i), printf('user-%08d', i), printf('user-%08d', i),
  (SELECT phc FROM users WHERE id = 'u-alice'), 'user', 'read write', 1, 0, 0, :now, :now FROM n
"""
# Ids in no order, as real ones: a multiplication that is one to one below 2^40.
SESSIONS = """
WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < :count)
INSERT INTO sessions (sid, user_id, client_id, scopes, seq, mac_key, mac_key_first, advanced_at_us, created_at,
    idle_until, expires_at, access_until, ended, row_expires_at)
  SELECT printf('%021dA', sid), printf('u-%08d', i), 'default', 'read write', 1, 1, 1,
  :now * 1000000, :now, :until, :until, :now, 0, :until + i % 2000 * 3600
  FROM (SELECT i, i * 982451653 % 1099511627776 AS sid FROM n) ORDER BY sid
"""


@contextlib.contextmanager
def without_indexes(db, table):
    """They are made when all rows are there, by sorting: ten millions in no order would take hours one by one."""
    made = db.execute("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = ? "
                      "AND sql IS NOT NULL", (table,)).fetchall()
    for name, _ in made:
        db.execute(f"DROP INDEX {name}")
    yield
    for _, sql in made:
        db.execute(sql)


def fill(tokend, users, until):
    """Straight into the file; the service is not running."""
    db = sqlite3.connect(tokend.data / "tokend.db")
    now = int(time.time())
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -400000")
    db.execute("PRAGMA wal_autocheckpoint = 100000")
    with db:
        with without_indexes(db, "users"):
            db.execute(USERS, {"count": users, "now": now})
        with without_indexes(db, "sessions"):
            db.execute(SESSIONS, {"count": users, "now": now, "until": until(now)})
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()


def program(name, *arguments):
    done = subprocess.run([PROGRAMS / name, *map(str, arguments)], check=True,
                          stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def wrk(server, path, most, seconds=4):
    """Each request of the file once; every answer must be good. CPU of the server for each."""
    before = server.cpu_us()
    done = subprocess.run(["wrk", "-t1", "-c16", f"-d{seconds}s", "--timeout", "30s", "-s",
                           HERE / "in_turn.lua", f"http://127.0.0.1:{server.port}/", "--", path,
                           str(most)], stdout=subprocess.PIPE, text=True, check=True)
    said = json.loads(done.stdout.splitlines()[-1])
    if said["refused"] or said["broken"] or not said["requests"]:
        raise SystemExit(f"{path.name}: {said}")
    return (server.cpu_us() - before) / said["requests"]


class Place:
    """A service over so many users and sessions."""

    def __init__(self, folder, users, until):
        self.folder = folder
        folder.mkdir()
        self.tokend = Tokend(os.environ["TOKEND_BIN"], folder, **CHEAP)
        fill(self.tokend, users, until)
        self.users = users
        self.draw = random.Random(1)

    def name(self):
        return f"user-{self.draw.randint(1, self.users):08d}"

    def write(self, name, requests):
        path = self.folder / name
        path.write_bytes("\f".join(requests).encode())
        return path

    def start_ms(self):
        took = []
        for _ in range(STARTS):
            began = time.perf_counter()
            server = self.tokend.spawn(free_port())
            server.until_answers(raw("GET", "/healthz/ready", {}))
            took.append((time.perf_counter() - began) * 1000)
            server.stop()
        return statistics.median(took)

    def grants(self, count):
        return [self.tokend.login(self.name()) for _ in range(count)]

    def login_us(self):
        forms = [raw("POST", "/token", {}, login_form(self.name())) for _ in range(LOGINS)]
        return wrk(self.tokend.server, self.write("logins", forms), LOGINS)

    def refresh_us(self, chains):
        server = self.tokend.server
        before = server.cpu_us()
        said = program("refresh_load", server.port, 1500, 10**9, chains)["answers"]
        return (server.cpu_us() - before) / said["count"]

    def revoke_us(self):
        forms = [raw("POST", "/revoke", {}, f"token={g['refresh_token']}")
                 for g in self.grants(CHAINS)]
        return wrk(self.tokend.server, self.write("revocations", forms), CHAINS, 2)

    def chains(self):
        path = self.folder / "chains"
        path.write_text("".join(g["refresh_token"] + "\n" for g in self.grants(CHAINS)),
                        encoding="ascii")
        return path

    def figures(self, note):
        """figure -> its rounds"""
        rounds = {"login_us": [], "refresh_us": [], "revoke_us": []}
        note(f"{self.users:,} users: starts")
        found = {"start_ms": [self.start_ms()]}
        self.tokend.start()
        chains = self.chains()
        for number in range(ROUNDS):
            note(f"{self.users:,} users: round {number + 1} of {ROUNDS}")
            rounds["login_us"].append(self.login_us())
            rounds["refresh_us"].append(self.refresh_us(chains))
            rounds["revoke_us"].append(self.revoke_us())
        now = self.tokend.server.settled_memory()
        if now:
            found["memory_mib"] = [(now["total"] - now["lanes"]) / 2**20]
        self.tokend.stop()
        found["file_mib"] = [(self.tokend.data / "tokend.db").stat().st_size / 2**20]
        return rounds | found


# ---- a purge beside other work ----

RATES = {"verify": 200, "introspect": 200, "refresh": 50}


def paced(place):
    """kind of request -> p99 in milliseconds, each paced in an open loop"""
    grant = place.tokend.login("alice")
    server = place.tokend.server
    token = grant["access_token"]
    requests = {
        "verify": raw("GET", "/verify", {"Authorization": f"Bearer {token}"}),
        "introspect": raw("POST", "/introspect", {"Authorization": BASIC}, f"token={token}"),
        # The same token again and again, inside its window of grace: each is a write.
        "refresh": raw("POST", "/refresh", {}, f"refresh_token={grant['refresh_token']}"),
    }
    found = {}
    for kind, request in requests.items():
        said = program("paced_load", server.port, RATES[kind], 4, 16, place.write(kind, [request]))
        if said["refused"]["count"] or said["other"]["count"]:
            raise SystemExit(f"{kind}: {said}")
        found[f"{kind}_p99_ms"] = said["good"]["p99_us"] / 1000
    return found


def expired(place):
    db = sqlite3.connect(f"file:{place.tokend.data}/tokend.db?mode=ro", uri=True)
    with db:
        left = db.execute("SELECT count(*) FROM sessions WHERE row_expires_at < ?",
                          (int(time.time()),)).fetchone()[0]
    db.close()
    return left


def purge(folder, note):
    """p99 without and with a purge of a million expired sessions under way."""
    found = {}
    for when, until in (("quiet", lambda now: now + 86400 * 365), ("purge", lambda now: 1000)):
        note(f"{EXPIRED:,} sessions, {when}")
        place = Place(folder / when, EXPIRED, until)
        place.tokend.start()
        before = expired(place)
        began = time.monotonic()
        # What was written last tells the writer what time it is: a few batches, and it begins.
        place.refresh_us(place.chains())
        for kind, value in paced(place).items():
            found.setdefault(kind, {})[when] = value
        left = expired(place)
        if when == "purge":
            if left == before or left == 0:
                raise SystemExit(f"the purge was not under way: {before} sessions, {left} left")
            found["purged_per_s"] = {when: (before - left) / (time.monotonic() - began)}
        place.tokend.stop()
        shutil.rmtree(place.folder)
    return found


# ---- telling ----

def run(folder, sizes, note):
    table = {}
    for size in sizes:
        note(f"{size:,} users: making them")
        place = Place(folder / str(size), size, lambda now: now + 86400 * 30)
        table[size] = place.figures(note)
        shutil.rmtree(place.folder)
    purged = purge(folder, note)
    note("")
    rows = {}
    for size, figures in table.items():
        rows[str(size)] = {"what": f"{size:,} users and sessions",
                           "metrics": {name: spread(values) for name, values in figures.items()}}
    for kind, values in purged.items():
        rows[kind] = {"what": f"beside a purge: {kind}",
                      "metrics": {when: spread([value]) for when, value in values.items()}}
    return rows, judge(table)


def spread(values):
    return {"median": statistics.median(values), "min": min(values), "max": max(values)}


def verdict(number, what, value, limit):
    return {"target": number, "what": what, **spread([value]), "side": "<=", "limit": limit,
            "met": value <= limit}


def judge(table):
    first, last = table[min(table)], table[max(table)]
    verdicts = []
    for name in ("login_us", "refresh_us", "revoke_us"):
        ratio = statistics.median(last[name]) / statistics.median(first[name])
        verdicts.append(verdict("12", f"{name} at {max(table):,} / at {min(table):,}", ratio,
                                GROWTH))
    if "memory_mib" in last:
        verdicts.append(verdict("12", f"memory at {max(table):,} / at {min(table):,}",
                                last["memory_mib"][0] / first["memory_mib"][0], GROWTH))
    verdicts.append(verdict("10", f"start with {max(table):,} sessions, ms", last["start_ms"][0],
                            START_MS))
    return verdicts
