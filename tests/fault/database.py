"""The database, seen past the service."""

import contextlib
import sqlite3

# What was done and what is said about it are one transaction: neither may be there without the other.
# Purged sessions and removed users leave only the audit row, and no test here lives that long.
HALVES = {
    "a session without its login":
        "SELECT sid FROM sessions WHERE sid NOT IN (SELECT object FROM audit WHERE event = 'login')",
    "a login without its session":
        "SELECT object FROM audit WHERE event = 'login' AND object NOT IN (SELECT sid FROM sessions)",
    "a user without the event":
        "SELECT id FROM users WHERE id NOT IN (SELECT user_id FROM audit WHERE event IN ('user_added', 'user_imported'))",
    "an event without its user":
        "SELECT user_id FROM audit WHERE event IN ('user_added', 'user_imported') AND user_id NOT IN (SELECT id FROM users)",
    "a denied token without the event":
        "SELECT jti FROM denied_tokens WHERE jti NOT IN "
        "(SELECT object FROM audit WHERE event = 'token_revoked')",
    "an ended session without a reason":
        "SELECT sid FROM sessions WHERE ended = 1 AND sid NOT IN "
        "(SELECT object FROM audit WHERE event IN ('session_ended', 'refresh_reuse'))",
    "a key that signed without the event":
        "SELECT kid FROM signing_keys WHERE activated_at <> 0 AND kid NOT IN "
        "(SELECT object FROM audit WHERE event = 'key_activated')",
}


@contextlib.contextmanager
def opened(path):
    connection = sqlite3.connect(path, timeout=20, isolation_level=None, check_same_thread=False)
    try:
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def locked(path):
    """Nobody else writes."""
    with opened(path) as connection:
        connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            connection.execute("ROLLBACK")


def check_database(path):
    """Sound, nothing half there, and one key that signs."""
    with opened(path) as connection:
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
        for what, query in HALVES.items():
            assert connection.execute(query).fetchall() == [], what
        active = connection.execute("SELECT count(*) FROM signing_keys WHERE state = 'active'")
        assert active.fetchone() == (1,)
