-- The first schema. Times are seconds since 1970 unless the name ends in _us.
-- STRICT: a value of the wrong type is an error here, not a surprise later.

CREATE TABLE meta (
    name TEXT NOT NULL PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Keys that the master key wraps. A new master key reseals these rows and nothing else.
CREATE TABLE secrets (
    name TEXT NOT NULL,
    number INTEGER NOT NULL CHECK (number > 0),
    sealed TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (name, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE signing_keys (
    kid TEXT NOT NULL PRIMARY KEY,
    alg TEXT NOT NULL,
    state TEXT NOT NULL CHECK (state IN ('pending', 'active', 'retiring', 'retired', 'revoked')),
    imported INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    activate_at INTEGER NOT NULL,
    activated_at INTEGER NOT NULL,
    deactivated_at INTEGER NOT NULL,
    retire_at INTEGER NOT NULL,
    version INTEGER NOT NULL,
    public_jwk TEXT NOT NULL,
    sealed TEXT NOT NULL
) STRICT, WITHOUT ROWID;
-- One key signs. The schedule sees to it; this makes any other history impossible.
CREATE UNIQUE INDEX signing_keys_one_active ON signing_keys (state) WHERE state = 'active';

CREATE TABLE users (
    id TEXT NOT NULL PRIMARY KEY,
    username TEXT NOT NULL,
    name_key TEXT NOT NULL UNIQUE,
    phc TEXT NOT NULL,
    roles TEXT NOT NULL,
    scopes TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    epoch_at INTEGER NOT NULL,
    disabled INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
-- Start-up lists the epochs that rose within one token life. Most never rise: they cost nothing here.
CREATE INDEX users_epoch_at ON users (epoch_at) WHERE epoch_at > 0;

CREATE TABLE clients (
    id TEXT NOT NULL PRIMARY KEY,
    grants TEXT NOT NULL,
    scopes TEXT NOT NULL,
    all_scopes INTEGER NOT NULL,
    is_public INTEGER NOT NULL,
    secret1_key INTEGER NOT NULL,
    secret1_digest BLOB NOT NULL,
    secret1_created_at INTEGER NOT NULL,
    secret2_key INTEGER NOT NULL,
    secret2_digest BLOB NOT NULL,
    secret2_created_at INTEGER NOT NULL,
    epoch INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Ids whose owner is gone while tokens may live: whoever gets the id next starts above this epoch.
CREATE TABLE tombstones (
    kind TEXT NOT NULL CHECK (kind IN ('user', 'client')),
    id TEXT NOT NULL,
    epoch INTEGER NOT NULL,
    until INTEGER NOT NULL,
    PRIMARY KEY (kind, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tombstones_until ON tombstones (until);

-- One row a login. A refresh changes one page: no index covers a column that every refresh writes.
-- row_expires_at is rounded up to the hour for that reason. client_id is no foreign key: the ended
-- sessions of a removed client stay until their access tokens are dead.
CREATE TABLE sessions (
    sid TEXT NOT NULL PRIMARY KEY,
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    client_id TEXT NOT NULL,
    scopes TEXT NOT NULL,
    seq INTEGER NOT NULL,
    mac_key INTEGER NOT NULL,
    mac_key_previous INTEGER NOT NULL,
    advanced_at_us INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    idle_until INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    access_until INTEGER NOT NULL,
    ended INTEGER NOT NULL,
    row_expires_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX sessions_user ON sessions (user_id);
CREATE INDEX sessions_client ON sessions (client_id);
CREATE INDEX sessions_expired ON sessions (row_expires_at);
CREATE INDEX sessions_ended ON sessions (row_expires_at) WHERE ended = 1;

CREATE TABLE denied_tokens (
    jti TEXT NOT NULL PRIMARY KEY,
    until INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX denied_tokens_until ON denied_tokens (until);

-- AUTOINCREMENT: a number is never given twice, even when the newest rows were cut off.
CREATE TABLE audit (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    at_us INTEGER NOT NULL,
    event TEXT NOT NULL,
    actor TEXT NOT NULL,
    peer TEXT NOT NULL,
    request_id TEXT NOT NULL,
    reason TEXT NOT NULL,
    user_id TEXT NOT NULL,
    client_id TEXT NOT NULL,
    object TEXT NOT NULL
) STRICT;
