"""Proves that every lint script can fail: each gets a small tree that breaks exactly its rule.

Run by `./dev lint` with unittest; nothing but the standard library is needed.
"""

import importlib.machinery
import importlib.util
import json
import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

GOOD_C = '#include "base/err.h"\n\nint answer(void)\n{\n    return 42;\n}\n'


def run(script, *arguments):
    return subprocess.run([sys.executable, str(HERE / script), *map(str, arguments)],
                          capture_output=True, text=True, check=False)


def module(script):
    loader = importlib.machinery.SourceFileLoader(script, str(HERE / script))
    loaded = importlib.util.module_from_spec(importlib.util.spec_from_loader(script, loader))
    loader.exec_module(loaded)
    return loaded


class Tree(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        self.write(".clang-format", (HERE.parents[1] / ".clang-format").read_text("utf-8"))
        self.write("src/base/err.h", "#ifndef A\n#define A\n#endif\n")

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, "utf-8")

    def check(self, script):
        return run(script, "--root", self.root)

    def good(self, script):
        result = self.check(script)
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)

    def bad(self, script, *words):
        result = self.check(script)
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        for word in words:
            self.assertIn(word, result.stdout)


class Includes(Tree):
    # (name, file, its text, what the finding says)
    REFUSED = [
        ("upward", "src/base/a.c", '#include "crypto/b.h"\n', "base may not include"),
        ("sideways", "src/state/a.c", '#include "store/b.h"\n', "state may not include"),
        ("daemon from a room", "src/cli/a.c", '#include "daemon/b.h"\n', "cli may not include"),
        ("main sees a use case", "src/main.c", '#include "service/b.h"\n', "main.c may not"),
        ("no room in the name", "src/base/a.c", '#include "err.h"\n', "does not start with a room"),
        ("no such file", "src/base/a.c", '#include "base/gone.h"\n', "does not exist"),
        ("not a header", "src/base/a.c", '#include "base/b.c"\n', "is not a header"),
        ("unknown room", "src/attic/a.c", '#include "base/err.h"\n', "attic is no room"),
        ("library elsewhere", "src/base/a.c", "#include <jansson.h>\n", "base/json.h"),
        ("library in quotes", "src/http/a.c", '#include "h2o.h"\n', "write <h2o.h>"),
        ("OpenSSL above", "src/jose/a.c", "#include <openssl/evp.h>\n", "through crypto/"),
        ("TLS elsewhere in http", "src/http/a.c", "#include <openssl/ssl.h>\n", "http/tls.c"),
        ("SQL outside sqlite/", "src/store/a.c", "#include <sqlite3.h>\n", "store/sqlite/"),
        ("tests in src", "src/base/a.c", "#include <cmocka.h>\n", "tests do not live"),
        ("unknown library", "src/base/a.c", "#include <curl/curl.h>\n", "neither the C library"),
        ("through a macro", "src/base/a.c", "#include WHAT\n", "plainly"),
        ("indented", "src/base/a.c", "#  include <sqlite3.h>\n", "store/sqlite/"),
        ("below a comment", "src/base/a.c", "/* x */ \n#include <h2o.h> /* y */\n", "a.c:2"),
    ]
    ALLOWED = [
        ("downward", "src/jose/a.c", '#include "base/err.h"\n'),
        ("libc", "src/base/a.c", "#include <stdio.h>\n#include <sys/stat.h>\n"),
        ("JSON's door", "src/base/json.c", "#include <jansson.h>\n"),
        ("TLS's door", "src/http/tls.c", "#include <openssl/ssl.h>\n#include <h2o.h>\n"),
        ("SQL's door", "src/store/sqlite/a.c", "#include <sqlite3.h>\n"),
        ("in a comment", "src/base/a.c", '/*\n#include <sqlite3.h>\n*/\n'),
    ]

    def test_refused(self):
        for name, path, text, words in self.REFUSED:
            with self.subTest(name):
                for room in ("crypto", "store", "daemon", "service"):
                    self.write(f"src/{room}/b.h", "")
                self.write("src/base/b.c", "")
                self.write(path, text)
                self.bad("check_includes", words)
                (self.root / path).unlink()

    def test_allowed(self):
        for name, path, text in self.ALLOWED:
            with self.subTest(name):
                self.write(path, text)
                self.good("check_includes")
                (self.root / path).unlink()

    def test_one_file_only(self):
        self.write("src/config/a.c", "#include <yaml.h>\n")
        self.good("check_includes")
        self.write("src/config/b.c", "#include <yaml.h>\n")
        self.bad("check_includes", "one file of config/")

    def test_the_table_is_one_order(self):
        rooms = module("check_includes").ROOMS
        order = list(rooms)
        for room, seen in rooms.items():
            for other in seen.split():
                self.assertIn(other, rooms, room)
        # Sort by repeatedly taking a room that sees only rooms already taken: a circle gets stuck.
        taken = []
        while len(taken) < len(order):
            free = [room for room in order
                    if room not in taken and set(rooms[room].split()) <= set(taken)]
            self.assertTrue(free, f"a circle among {set(order) - set(taken)}")
            taken += free


class Banned(Tree):
    REFUSED = [
        ("src/base/a.c", "strcpy(a, b);"), ("src/base/a.c", "x = atoi (s);"),
        ("src/http/a.c", "if (memcmp(a, b, 3))"), ("src/crypto/a.c", "r = rand();"),
        ("tests/unit/base/a.c", "usleep(10);"), ("tests/unit/base/a.c", "system(\"ls\");"),
        ("src/base/a.h", "return localtime(&t);"),
    ]
    ALLOWED = [
        ("src/base/a.c", "if (memcmp(a, b, 3))"), ("tests/unit/base/a.c", "memcmp(a, b, 3);"),
        ("src/base/a.c", "/* strcpy(a, b) is banned */"), ("src/base/a.c", 's = "system(1)";'),
        ("src/base/a.c", "ops->random(out); ops.system(1);"), ("src/base/a.c", "tok_rand(x);"),
        ("src/base/a.c", "localtime_r(&t, &tm);"), ("tests/bench/a.c", "usleep(10);"),
    ]

    def test_refused(self):
        for path, text in self.REFUSED:
            with self.subTest(text):
                self.write(path, text + "\n")
                self.bad("check_banned", f"{path}:1")
                (self.root / path).unlink()

    def test_allowed(self):
        for path, text in self.ALLOWED:
            with self.subTest(text):
                self.write(path, text + "\n")
                self.good("check_banned")
                (self.root / path).unlink()


class Format(Tree):
    REFUSED = [
        ("src/base/a.c", "int  f(void) {return 1;}\n", "./dev format"),
        ("dev", "#!/bin/sh \n", "blanks at the end"),
        ("meson.build", "\tx = 1\n", "indented by a tab"),
        ("a.py", "x = 1", "no newline"),
        ("a.md", "text\n\n", "empty lines"),
        ("a.sql", "select 1;\r\n", "carriage return"),
    ]

    def test_refused(self):
        for path, text, words in self.REFUSED:
            with self.subTest(words):
                (self.root / path).parent.mkdir(parents=True, exist_ok=True)
                (self.root / path).write_bytes(text.encode())
                self.bad("check_format", words)
                (self.root / path).unlink()

    def test_allowed(self):
        self.write("src/base/a.c", GOOD_C)
        self.write("a.md", "a line break  \nhere\n")
        self.write("tests/fuzz/corpus/form/1.txt", "bytes \r\n\t")
        self.good("check_format")


class Length(Tree):
    def test_the_limit(self):
        for lines, verdict in ((76, self.good), (79, self.bad)):
            with self.subTest(lines):
                body = "    x++;\n" * lines
                self.write("src/base/a.c", f"static int\nlong_one(int x)\n{{\n{body}}}\n\n{GOOD_C}")
                verdict("check_length")

    def test_the_name(self):
        self.write("src/base/a.c", "char *f_x(int a,\n          int b)\n{\n" + "    b++;\n" * 90 + "}\n")
        self.bad("check_length", "src/base/a.c:1: f_x has 92 lines")

    def test_tables_may_be_long(self):
        self.write("src/base/a.c", "static const int t[] = {\n" + "    1,\n" * 200 + "};\n")
        self.good("check_length")


class Words(Tree):
    # Spelled in halves, so that this file passes the check itself.
    REFUSED = [
        ("src/base/a.c", "/* TO" "DO: more */"), ("src/base/a.c", "// fix" "me".upper() + " FIX" "ME"),
        ("src/base/a.c", "/* Good enough for" " now. */"), ("migrations/sqlite/1.sql", "-- X" "XX"),
        ("src/base/a.c", "/* GCOVR" "_EXCL_LINE */"),
        ("README.md", "see /wo" "rk/main/x"), ("tests/a.py", "open('/ro" "ot/x')"),
        ("Dockerfile", "WORKDIR /ho" "me/alice/src"), ("a.txt", "cd /tm" "p/build-x-asan"),
        ("a.txt", "ls /tm" "p/bash_jobs.0/1"),
    ]
    ALLOWED = [
        ("src/base/a.c", 'mkstemp("XXXXXX"); /* hackney */'),
        ("tests/lint/a.py", "# TO" "DO is for src/ alone"),
        ("README.md", "src/wo" "rk/x, a.com/ro" "ot/x, /var/lib/tokend, ${x}/wo" "rk/"),
    ]

    def test_refused(self):
        for path, text in self.REFUSED:
            with self.subTest(text):
                self.write(path, f"first\n{text}\n")
                self.bad("check_words", f"{path}:2")
                (self.root / path).unlink()

    def test_allowed(self):
        for path, text in self.ALLOWED:
            with self.subTest(text):
                self.write(path, text + "\n")
                self.good("check_words")


class Shell(Tree):
    def test_refused(self):
        for text in ("#!/bin/sh\nif true; then\n", "#!/usr/bin/env bash\nrm -rf $1/*\n"):
            with self.subTest(text):
                self.write("script", text)
                self.bad("check_shell", "script:1")

    def test_allowed(self):
        self.write("script", '#!/bin/sh\nprintf "%s\\n" "$1"\n')
        self.write("other", "#!/usr/bin/python3\nif true; then\n")
        self.good("check_shell")


class Types(Tree):
    PACKAGE = "api/fastapi/src/tokend_fastapi/__init__.py"

    def setUp(self):
        super().setUp()
        project = HERE.parents[1] / "api" / "fastapi" / "pyproject.toml"
        self.write("api/fastapi/pyproject.toml", project.read_text("utf-8"))

    def test_refused(self):
        for text in ("def f(x):\n    return x\n", "def f(x: int) -> str:\n    return x\n"):
            with self.subTest(text):
                self.write(self.PACKAGE, text)
                self.bad("check_types", f"{self.PACKAGE}:")

    def test_allowed(self):
        self.write(self.PACKAGE, "def f(x: int) -> int:\n    return x\n")
        self.good("check_types")

    def test_a_package_that_has_moved_is_not_a_good_one(self):
        (self.root / "api/fastapi/pyproject.toml").unlink()
        self.bad("check_types", "no such package")


class NothingToLookAt(unittest.TestCase):
    def test_an_empty_tree_is_not_a_clean_tree(self):
        checks = sorted(path.name for path in HERE.glob("check_*"))
        self.assertGreater(len(checks), 5)
        for check in checks:
            with self.subTest(check), tempfile.TemporaryDirectory() as folder:
                self.assertEqual(run(check, "--root", folder).returncode, 2)


class BareC(unittest.TestCase):
    def test_lines_keep_their_numbers(self):
        bare = importlib.import_module("tree").bare
        text = 'a /* b\nc */ d "e // f" \'"\' // g\nh\n'
        self.assertEqual(bare(text), 'a     \n     d "      " \' \'     \nh\n')


class Coverage(Tree):
    def gate(self, table, files):
        self.write("table.txt", table)
        self.write("report.json", json.dumps({"files": [
            {"file": name, "lines": [{"line_number": n, "count": c, "gcovr/noncode": False}
                                     for n, c in enumerate(counts, 1)]}
            for name, counts in files.items()]}))
        return run("gate_coverage", self.root / "report.json", self.root / "table.txt")

    def test_gate(self):
        files = {"src/a/x.c": [1, 2, 3], "src/b/y.c": [1, 0, 0, 1]}
        for table, status, words in (
                ("100 src/a/\n50 src/b/\n", 0, "ok   src/a/"),
                ("100 src/\n", 1, "src/b/y.c: 2-3"),
                ("51 src/b/y.c\n", 1, "2 of 4 lines"),
                ("0 src/renamed.c\n", 1, "no line was measured")):
            with self.subTest(table):
                result = self.gate(table, files)
                self.assertEqual(result.returncode, status, result.stdout + result.stderr)
                self.assertIn(words, result.stdout)

    def test_almost_all_is_not_all(self):
        self.assertEqual(self.gate("100 src/\n", {"src/a.c": [1] * 99999 + [0]}).returncode, 1)

    def test_the_real_table_reads(self):
        gates = dict((prefix, percent) for percent, prefix in
                     module("gate_coverage").rows(HERE / "coverage.txt"))
        self.assertEqual(gates["src/validation/"], 100)


class Tally(Tree):
    # (name, file, content, what is printed)
    ROWS = [
        ("meson", "a.json", '{"result": "OK"}\n{"result": "FAIL"}\n{"result": "SKIP"}\n', "1 1"),
        ("meson timeout", "a.json", '{"result": "TIMEOUT"}\n{"result": "ERROR"}\n', "0 2"),
        ("meson, nothing ran", "a.json", "", "0 1"),
        ("meson, cut short", "a.json", '{"result": "OK"}\n{"res', "0 1"),
        ("pytest", "a.xml", '<testsuites><testsuite tests="7" failures="1" errors="1" skipped="2"/>'
         "</testsuites>", "3 2"),
        ("pytest, cut short", "a.xml", "<testsuites>", "0 1"),
        ("pytest, no numbers", "a.xml", '<testsuite tests="x"/>', "0 1"),
    ]

    def test_rows(self):
        for name, path, text, expected in self.ROWS:
            with self.subTest(name):
                self.write(path, text)
                self.assertEqual(run("tally", self.root / path).stdout.strip(), expected)

    def test_sum_with_a_missing_file(self):
        self.write("a.json", '{"result": "OK"}\n')
        result = run("tally", self.root / "a.json", self.root / "gone.xml")
        self.assertEqual(result.stdout.strip(), "1 1")


if __name__ == "__main__":
    unittest.main()
