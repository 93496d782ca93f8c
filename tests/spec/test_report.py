"""Proves that the report can fail: each row breaks one thing of a small project it approves of."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

REPORT = pathlib.Path(__file__).resolve().parent / "report"

GOOD = {
    "src/a.c": "/* SPEC rfc1#2.1: held */\n/* SPEC rfc1#2.1, #2.2: both */\n",
    "tests/unit/meson.build": "foreach name : ['a']\n",
    "tests/unit/test_a.c": 'static const struct row rows[] = {{"a row"}};\n\n'
                           "static void refuses(void **state)\n{\n}\n\n"
                           "static void forgotten(void **state)\n{\n}\n\n"
                           "int main(void)\n{\n    const struct CMUnitTest tests[] = {\n"
                           "        cmocka_unit_test(refuses),\n    };\n}\n",
    "tests/integration/test_b.py": "import pytest\n\n\n"
                                   "@pytest.mark.parametrize('a', [\n    1,\n])\n"
                                   "def test_it(a):\n    pass\n\n\n"
                                   "@pytest.mark.long\n"
                                   "@pytest.mark.parametrize('a', [\n    1,\n])\n"
                                   "def test_long(a):\n    pass\n\n\n"
                                   "def helper():\n    pass\n",
    "tests/fuzz/meson.build": "fuzz_targets = [\n  ['c', dep, []],\n]\n",
    "tests/fuzz/fuzz_c.c": "",
    "tests/spec/rfc1.txt": "# RFC 1\n\n"
                           "2.1 MUST  one\n"
                           "    unit/test_a.c::refuses[a row]\n"
                           "    integration/test_b.py::test_it\n"
                           "    fuzz/fuzz_c.c\n"
                           "2.2 MUST NOT  two, which is\n"
                           "        long\n"
                           "    n/a: nobody\n"
                           "        asks\n"
                           "2.3 SHOULD  three\n"
                           "    differs: we know better\n",
}
TABLE = "tests/spec/rfc1.txt"


class Report(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = pathlib.Path(folder.name)
        for path, text in GOOD.items():
            self.write(path, text)

    def write(self, path, text):
        (self.root / path).parent.mkdir(parents=True, exist_ok=True)
        (self.root / path).write_text(text, "utf-8")

    def change(self, path, old, new):
        self.assertIn(old, GOOD[path])
        self.write(path, GOOD[path].replace(old, new))

    def run_it(self):
        return subprocess.run([sys.executable, REPORT, "--root", self.root], capture_output=True,
                              text=True, check=False)

    def assert_bad(self, *words):
        result = self.run_it()
        self.assertEqual(result.returncode, 1, result.stdout + result.stderr)
        for word in words:
            self.assertIn(word, result.stdout)

    def test_the_project_as_it_is(self):
        result = self.run_it()
        self.assertEqual(result.returncode, 0, result.stdout + result.stderr)
        self.assertIn("rfc1 2.3 SHOULD  three\n    differs: we know better", result.stdout)
        rows = [line.split() for line in result.stdout.splitlines() if line.startswith("rfc1 ")]
        self.assertEqual(rows[0], ["rfc1", "3", "1", "1", "1", "0"])

    def test_what_is_missing(self):
        for path, old, new, says in (
            (TABLE, "    n/a: nobody\n        asks\n", "", "rfc1.txt:7: 2.2: either tests or"),
            (TABLE, "    n/a: nobody\n        asks\n", "    n/a:\n", "2.2: no reason"),
            (TABLE, "    n/a: nobody\n", "    n/a: nobody\n    fuzz/fuzz_c.c\n", "2.2: either"),
            (TABLE, "::refuses", "::accepts", "no such test: test_a.c::accepts"),
            (TABLE, "::refuses", "::forgotten", "not run: test_a.c::forgotten"),
            (TABLE, "[a row]", "[another]", "no row of that name"),
            (TABLE, "::test_it", "::test_that", "no such test: test_b.py::test_that"),
            (TABLE, "::test_it", "::helper", "no such test: test_b.py::helper"),
            (TABLE, "::test_it", "::test_long", "not run by every change"),
            (TABLE, "fuzz_c.c", "fuzz_d.c", "no such file: fuzz/fuzz_d.c"),
            (TABLE, "    fuzz", "  fuzz", "rfc1.txt:6: neither a row nor"),
            (TABLE, "2.1 MUST  one", "2.1 MUS  one", "rfc1.txt:3: neither a row nor"),
            ("tests/unit/meson.build", "'a'", "'b'", "not built: test_a.c"),
            ("tests/fuzz/meson.build", "'c'", "'d'", "not built: fuzz_c.c"),
            ("src/a.c", "rfc1#2.1: held", "rfc1#2.9: held", "src/a.c:1: rfc1#2.9: no row"),
            ("src/a.c", "rfc1#2.1: held", "rfc9#2.1: held", "src/a.c:1: rfc9#2.1: no row"),
            ("src/a.c", "#2.2: both", "#2.8: both", "src/a.c:2: rfc1#2.8: no row"),
        ):
            with self.subTest(says):
                self.change(path, old, new)
                self.assert_bad(says)
                self.write(path, GOOD[path])

    def test_no_table_at_all(self):
        (self.root / TABLE).unlink()
        self.assert_bad("there is no row")


if __name__ == "__main__":
    unittest.main()
