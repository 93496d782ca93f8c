"""What is sealed in a data folder, opened with the master key as any reader of the format could (crypto/seal.c):
version, 8 bytes of the master key's id, 24 bytes of nonce, and XChaCha20-Poly1305 of the rest."""

import base64
import sqlite3
import struct

from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305

HEAD_BYTES, NONCE_BYTES = 9, 24
MASK = 0xffffffff


def unb64(text):
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def b64(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _quarter(s, a, b, c, d):
    for x, y, z, turn in ((a, b, d, 16), (c, d, b, 12), (a, b, d, 8), (c, d, b, 7)):
        s[x] = s[x] + s[y] & MASK
        s[z] = ((s[z] ^ s[x]) << turn | (s[z] ^ s[x]) >> 32 - turn) & MASK


def hchacha20(key, nonce):
    """A key of its own for the first 16 bytes of a nonce (draft-irtf-cfrg-xchacha section 2.2)."""
    s = [*struct.unpack("<4I", b"expand 32-byte k"), *struct.unpack("<8I", key),
         *struct.unpack("<4I", nonce)]
    for _ in range(10):
        for columns in ((0, 4, 8, 12), (1, 5, 9, 13), (2, 6, 10, 14), (3, 7, 11, 15),
                        (0, 5, 10, 15), (1, 6, 11, 12), (2, 7, 8, 13), (3, 4, 9, 14)):
            _quarter(s, *columns)
    return struct.pack("<8I", *s[:4], *s[12:])


def unseal(master, about, blob):
    head, rest = blob[:HEAD_BYTES], blob[HEAD_BYTES:]
    nonce, sealed = rest[:NONCE_BYTES], rest[NONCE_BYTES:]
    key = hchacha20(master, nonce[:16])
    return ChaCha20Poly1305(key).decrypt(bytes(4) + nonce[16:], sealed, head + about.encode())


class Row:
    """One sealed row. `name`: as the complaints of tokend have it."""

    def __init__(self, name, about, sealed, update, key):
        self.name, self.about, self.sealed = name, about, sealed
        self.update, self.key = update, key

    def plain(self, master):
        return unseal(master, self.about, unb64(self.sealed))


def rows(data):
    with sqlite3.connect(data / "tokend.db") as database:
        found = [Row(f"signing key {kid}", f"key\n{kid}\n{alg}", sealed,
                     "UPDATE signing_keys SET sealed = ? WHERE kid = ?", (kid,))
                 for kid, alg, sealed in database.execute(
                     "SELECT kid, alg, sealed FROM signing_keys WHERE sealed <> ''")]
        found += [Row(f"secret {name} {number}", f"secret\n{name}\n{number}", sealed,
                      "UPDATE secrets SET sealed = ? WHERE name = ? AND number = ?",
                      (name, number))
                  for name, number, sealed in database.execute(
                      "SELECT name, number, sealed FROM secrets")]
    database.close()
    return found


def write(data, row, sealed):
    with sqlite3.connect(data / "tokend.db") as database:
        assert database.execute(row.update, (sealed, *row.key)).rowcount == 1
    database.close()


def master_key(data):
    return unb64((data / "master.key").read_text().strip())
