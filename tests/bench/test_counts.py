"""Proves that the comparison of counts can fail, and that a profile is read as callgrind means it."""

import importlib.machinery
import importlib.util
import pathlib
import sys
import tempfile
import unittest

COUNTS = pathlib.Path(__file__).resolve().parent / "counts"
sys.dont_write_bytecode = True
loader = importlib.machinery.SourceFileLoader("counts", str(COUNTS))
counts = importlib.util.module_from_spec(importlib.util.spec_from_loader("counts", loader))
loader.exec_module(counts)

PROFILE = """\
# callgrind format
desc: Trigger: Client Request: verify
events: Ir

ob=(1) /srv/build/tests/count_checks
fl=(1) ../../src/endpoint/verify.c
fn=(1) handle
10 100
+2 20
fi=(2) /usr/include/bits/string_fortified.h
29 7
fe=(1)
cob=(2) /lib/libc.so.6
cfi=(3) malloc.c
cfn=(2) malloc
calls=3 50
12 9000
+1 1

fl=(4) ???
fn=(3) crypto_sign
0 5000

ob=(3) /usr/lib/libh2o-evloop.so.0.13
fl=(4)
fn=(4) h2o_send
0 40
cob=(2)
cfi=(3)
cfn=(2)
calls=1 50
0 3000

ob=(4) /usr/lib/libsqlite3.so.0
fn=(5) sqlite3_step
0 60

ob=(2)
fl=(3)
fn=(2)
50 12000
"""
COUNTED = {"ours": 121, "h2o": 40, "sqlite": 60, "ours_alloc": 3, "h2o_alloc": 1}


class Profiles(unittest.TestCase):
    def test_only_our_sources_h2o_and_sqlite_count(self):
        with tempfile.NamedTemporaryFile("w", suffix=".1") as file:
            file.write(PROFILE)
            file.flush()
            profile = counts.Profile(file.name)
        self.assertEqual(profile.trigger, "verify")
        self.assertEqual({c: profile.counts[c] for c in counts.COLUMNS}, COUNTED)


class Comparison(unittest.TestCase):
    def found(self, **changed):
        kept = {"verify": dict(ours=10000, h2o=8000, sqlite=50000, ours_alloc=1, h2o_alloc=0)}
        return list(counts.differences(kept, {"verify": kept["verify"] | changed}))

    def test_the_same_is_the_same(self):
        self.assertEqual(self.found(), [])
        self.assertEqual(self.found(ours=10400, h2o=7700, ours_alloc=1.1), [])

    def test_each_column_can_differ_up_and_down(self):
        for change in ({"ours": 10600}, {"ours": 9400}, {"h2o": 8600}, {"sqlite": 53500},
                       {"ours_alloc": 2}, {"ours_alloc": 0}, {"h2o_alloc": 1}):
            self.assertEqual(len(self.found(**change)), 1, change)

    def test_a_kind_that_came_or_went_is_told(self):
        one = {"verify": COUNTED}
        self.assertEqual(len(list(counts.differences(one, {}))), 1)
        self.assertEqual(len(list(counts.differences({}, one))), 1)


if __name__ == "__main__":
    unittest.main()
