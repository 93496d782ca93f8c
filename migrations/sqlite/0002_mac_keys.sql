-- Refresh MAC keys rotate. A session remembers the version it began with, since no token of it can have an
-- older one; the predecessor's version, which nothing ever read, was the same while there was one version.
ALTER TABLE sessions RENAME COLUMN mac_key_previous TO mac_key_first;
-- What still needs an old version, and until when. Of columns that no refresh writes, and new rows come last.
CREATE INDEX sessions_mac_key ON sessions (mac_key_first, expires_at);
