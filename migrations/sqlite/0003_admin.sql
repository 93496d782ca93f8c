-- What administrators look for, and what they hold on to.

-- The audit log by whom or what it tells of. The row's number, which orders a listing, is in each index. Many
-- rows name nobody, and nobody looks for those.
CREATE INDEX audit_user ON audit (user_id) WHERE user_id <> '';
CREATE INDEX audit_client ON audit (client_id) WHERE client_id <> '';
CREATE INDEX audit_event ON audit (event);
-- Events that are alike are summed: failed logins of one account within a minute.
ALTER TABLE audit ADD COLUMN count INTEGER NOT NULL DEFAULT 1;

-- A number that every change raises, never given twice for one id: what an entity tag is made of.
ALTER TABLE users ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE clients ADD COLUMN version INTEGER NOT NULL DEFAULT 1;

-- Keys are listed by age.
CREATE INDEX signing_keys_age ON signing_keys (created_at);
