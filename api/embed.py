#!/usr/bin/python3
"""Write the description of the interface as one C file: embed.py OUTPUT openapi.yaml VERSION

The binary brings it along as it stands here, and as JSON, each with a strong entity tag of its bytes.
"""
import base64
import hashlib
import json
import pathlib
import sys

import yaml

HEAD = """/* Written by api/embed.py. */
#include "endpoint/openapi.h"

/* ISO C promises room for 4095 characters; gcc and clang take as many as come. */
#pragma GCC diagnostic ignored "-Woverlength-strings"
"""
ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "?": "\\?"})
COLUMNS = 90


class Strict(yaml.SafeLoader):
    """A second member of the same name is a mistake, not a correction."""

    def construct_mapping(self, node, deep=False):
        names = [self.construct_object(name, deep) for name, _ in node.value]
        for name in names:
            if not isinstance(name, str) or names.count(name) != 1:
                sys.exit(f"{node.start_mark}: {name!r} is repeated, or no text")
        return super().construct_mapping(node, deep)


def pieces(text):
    """Lines of C string literal. An escape is never cut in two, since it is made of one character."""
    for line in text.splitlines(keepends=True):
        for start in range(0, len(line), COLUMNS):
            yield f'    "{line[start:start + COLUMNS].translate(ESCAPES)}"\n'


def document(name, text):
    data = text.encode("utf-8")
    etag = base64.urlsafe_b64encode(hashlib.sha256(data).digest()[:15]).decode()
    return (f"\nstatic const char {name}_body[] =\n{''.join(pieces(text))}    ;\n"
            f"const struct tok_openapi tok_openapi_{name} = {{\n"
            f"    .body = {{{name}_body, sizeof {name}_body - 1}},\n"
            f"    .etag = TOK_LIT_INIT(\"\\\"{etag}\\\"\"),\n}};\n")


def main():
    output, source = (pathlib.Path(arg) for arg in sys.argv[1:3])
    text = source.read_text(encoding="utf-8")
    tree = yaml.load(text, Strict)
    if tree["info"]["version"] != sys.argv[3]:
        sys.exit(f"{source}: info.version is not the project's, {sys.argv[3]}")
    compact = json.dumps(tree, ensure_ascii=False, separators=(",", ":"))
    output.write_text(HEAD + document("yaml", text) + document("json", compact), encoding="utf-8")


main()
