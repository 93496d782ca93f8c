"""What lies in the data folder: nothing in it is of use to who takes it without the master key, and nothing of it
can be changed unseen."""

import base64
import json
import os
import resource
import subprocess

import pytest

from support import sealed
from support.service import APP, PASSWORDS, RS, binary, environment, ok
from support.wait import limit, wait_until


def furnish(service):
    """Two versions of what has versions, and a signing key in every state."""
    for words in (("rotate", "--now"), ("rotate",), ("rotate", "--use", "refresh-mac"),
                  ("rotate", "--use", "secret-digest")):
        service.cli("key", *words, "--json")


# ---- changed ----

def flips(blob):
    """Of version, master key id, nonce, first and last byte of what is sealed, and of the tag."""
    ends = (sealed.HEAD_BYTES, sealed.HEAD_BYTES + sealed.NONCE_BYTES)
    for at, bit in ((0, 1), (1, 0), (ends[0] - 1, 7), (ends[0], 0), (ends[1] - 1, 7),
                    (ends[1], 3), (len(blob) - 17, 0), (len(blob) - 16, 7), (len(blob) - 1, 0)):
        yield bytes(byte ^ (1 << bit if i == at else 0) for i, byte in enumerate(blob))


def test_a_flipped_bit_is_found_and_named_at_the_start(fleet):
    service = fleet.make()
    furnish(service)
    rows = sealed.rows(service.data)
    kinds = [row.name.split()[1] for row in rows]
    assert {"refresh-mac", "secret-digest", "audit"} < set(kinds)
    # Four signing keys; nobody has a session, so that of refresh-mac the newest alone is left.
    assert len(rows) == 4 + 1 + 2 + 1
    for row in rows:
        blob = sealed.unb64(row.sealed)
        for damaged in (*flips(blob), blob[:-1], blob + b"\0", b""):
            sealed.write(service.data, row, sealed.b64(damaged))
            text = service.refused("key", "list")
            assert row.name in text, (row.name, text)
        sealed.write(service.data, row, row.sealed)
    service.start()
    ok(service.login())


def test_a_seal_opens_no_other_row(fleet):
    service = fleet.make()
    furnish(service)
    rows = [row for row in sealed.rows(service.data) if row.name.startswith("secret")]
    for row, other in zip(rows, rows[1:] + rows[:1]):
        sealed.write(service.data, row, other.sealed)
        assert row.name in service.refused("key", "list")
        sealed.write(service.data, row, row.sealed)
    assert service.cli("key", "list")


@pytest.mark.parametrize("kind", ["signing key", "secret refresh-mac", "secret secret-digest",
                                  "secret audit"])
def test_a_daemon_does_not_start_either(fleet, kind):
    service = fleet.make()
    row = next(row for row in sealed.rows(service.data) if row.name.startswith(kind))
    blob = sealed.unb64(row.sealed)
    sealed.write(service.data, row, sealed.b64(blob[:-1] + bytes([blob[-1] ^ 1])))
    service.spawn()
    assert service.wait() == 1
    lines = [line for line in service.log().splitlines() if row.name in line]
    assert len(lines) == 1 and "cannot be opened" in lines[0]


# ---- taken ----

def forms(secret):
    """As bytes, and in the letters that it might be written in."""
    return {secret, secret.hex().encode(), secret.hex().upper().encode(),
            base64.b64encode(secret).rstrip(b"="), base64.urlsafe_b64encode(secret).rstrip(b"=")}


def test_nothing_in_the_folder_can_be_used_without_the_master_key(service):
    """The database, its log, the lock, the log file: after everything that writes a secret somewhere."""
    pair = service.tokens(client=RS)
    furnish(service)
    new = ok(service.refresh(pair["refresh_token"], client=RS))
    given = [service.cli("client", "secret", "svc", "--json")["client_secret"]]
    service.cli("user", "add", "eve", stdin="the password of eve, long\n")
    service.cli("user", "passwd", "eve", stdin="another password of eve\n")
    ok(service.login("eve", "another password of eve"))
    given += ["the password of eve, long", "another password of eve", RS[1], APP[1],
              *PASSWORDS.values(), *(tokens[name] for tokens in (pair, new)
                                     for name in ("access_token", "refresh_token"))]

    master = sealed.master_key(service.data)
    secrets = [master]
    for row in sealed.rows(service.data):
        plain = row.plain(master)
        if row.name.startswith("signing"):
            jwk = json.loads(plain)
            secrets.append(sealed.unb64(jwk.get("d") or jwk["k"]))
        else:
            secrets.append(plain)
    assert len(secrets) == 1 + 4 + 2 * 2 + 1 and all(len(secret) >= 32 for secret in secrets)

    wanted = [form for secret in secrets for form in forms(secret)]
    wanted += [text.encode() for text in given]
    files = [path for path in service.data.rglob("*") if path.is_file()
             and path.name != "master.key"]
    assert {"tokend.db", "tokend.db-wal", "lock"} <= {path.name for path in files}
    for path in [*files, service.log_path]:
        content = path.read_bytes()
        for form in wanted:
            assert form not in content, f"{path.name} holds {form!r}"


# ---- read from memory ----

def core_limit(pid):
    with open(f"/proc/{pid}/limits", encoding="ascii") as limits:
        line = next(line for line in limits if line.startswith("Max core file size"))
    return line.split()[4:6]


def test_a_command_leaves_no_core_and_lets_nobody_read_along(fleet):
    """Found in review: without a daemon it opens the master key, and was as open as any process."""
    service = fleet.make()

    def allow_cores():
        resource.setrlimit(resource.RLIMIT_CORE, (4096, 4096))

    command = subprocess.Popen([binary(), "user", "add", "frank", *map(str, service.flags())],
                               stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
                               env=environment(), preexec_fn=allow_cores)
    try:
        wait_until(lambda: core_limit(command.pid) == ["0", "0"], "it allows no core")
        # The kernel gives what belongs to such a process to root.
        wait_until(lambda: os.stat(f"/proc/{command.pid}/environ").st_uid == 0, "it is not readable")
        assert command.poll() is None
        command.communicate(b"the password of frank\n", limit(60))
        assert command.returncode == 0
    finally:
        command.kill()
        command.wait()
