#!/usr/bin/python3
"""Write the migrations as one C file: embed.py OUTPUT NNNN_words.sql...

The binary brings its schema along, so that no file can be missing or of another version.
"""
import pathlib
import re
import sys

HEAD = """/* Written by migrations/embed.py. */
#include "store/sqlite/migrate.h"

const struct tok_migration tok_migrations[] = {
"""
TAIL = """};
const int tok_migrations_count = (int)(sizeof(tok_migrations) / sizeof(tok_migrations[0]));
"""
NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")


def c_string(line):
    """One SQL line as a C string literal; `?` is escaped because of trigraphs."""
    text = line.replace("\\", "\\\\").replace('"', '\\"').replace("?", "\\?")
    return f'     "{text}\\n"\n'


def row(path, number):
    found = NAME.fullmatch(path.name)
    if found is None or int(found.group(1)) != number:
        sys.exit(f"{path.name}: migration {number} must be named {number:04}_words.sql")
    sql = path.read_text(encoding="utf-8")
    body = "".join(c_string(line) for line in sql.splitlines() if not line.startswith("--"))
    return f'    {{"{path.name}",\n{body}    }},\n'


def main():
    output, *inputs = (pathlib.Path(arg) for arg in sys.argv[1:])
    rows = [row(path, number) for number, path in enumerate(inputs, start=1)]
    output.write_text(HEAD + "".join(rows) + TAIL, encoding="utf-8")


main()
