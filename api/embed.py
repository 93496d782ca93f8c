#!/usr/bin/python3
"""Write the description of the interface as one C file: embed.py OUTPUT openapi.yaml VERSION

The binary brings it along as it stands here, and as JSON: deflated, each with a strong entity tag of its text.
"""
import base64
import hashlib
import json
import pathlib
import sys
import zlib

import yaml

HEAD = """/* Written by api/embed.py. */
#include "endpoint/openapi.h"
"""
COLUMNS = 20


class Strict(yaml.SafeLoader):
    """A second member of the same name is a mistake, not a correction."""

    def construct_mapping(self, node, deep=False):
        names = [self.construct_object(name, deep) for name, _ in node.value]
        for name in names:
            if not isinstance(name, str) or names.count(name) != 1:
                sys.exit(f"{node.start_mark}: {name!r} is repeated, or no text")
        return super().construct_mapping(node, deep)


def array(name, data):
    lines = [data[start:start + COLUMNS] for start in range(0, len(data), COLUMNS)]
    numbers = "".join(f"    {','.join(map(str, line))},\n" for line in lines)
    return f"\nstatic const uint8_t {name}[] = {{\n{numbers}}};\n"


def row(name, text):
    etag = base64.urlsafe_b64encode(hashlib.sha256(text).digest()[:15]).decode()
    return (f"    [TOK_OPENAPI_{name.upper()}] = {{{name}, sizeof {name}, {len(text)}, "
            f'TOK_LIT_INIT("\\"{etag}\\"")}},\n')


def main():
    output, source = (pathlib.Path(arg) for arg in sys.argv[1:3])
    text = source.read_bytes()
    tree = yaml.load(text, Strict)
    if tree["info"]["version"] != sys.argv[3]:
        sys.exit(f"{source}: info.version is not the project's, {sys.argv[3]}")
    compact = json.dumps(tree, ensure_ascii=False, separators=(",", ":")).encode("utf-8")
    forms = {"yaml": text, "json": compact}
    arrays = (array(name, zlib.compress(form, 9)) for name, form in forms.items())
    rows = (row(name, form) for name, form in forms.items())
    output.write_text(HEAD + "".join(arrays)
                      + "\nconst struct tok_openapi tok_openapi[TOK_OPENAPI_FORMS] = {\n"
                      + "".join(rows) + "};\n", encoding="utf-8")


main()
