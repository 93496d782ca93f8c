"""Fixtures: those of tests/integration; the peers start what stands around a tokend."""

import importlib.util
import pathlib
import sys

INTEGRATION = pathlib.Path(__file__).resolve().parent.parent / "integration"
sys.path.insert(0, str(INTEGRATION))

_spec = importlib.util.spec_from_file_location("integration_fixtures", INTEGRATION / "conftest.py")
_fixtures = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_fixtures)

stocked = _fixtures.stocked
fleet = _fixtures.fleet
service = _fixtures.service
shared = _fixtures.shared
