"""The domain stands on the standard library and ``eventsourcing.domain`` alone."""

import json
import pkgutil
import subprocess
import sys
from pathlib import Path
from typing import Final

import domain

ROOT: Final = Path(domain.__file__).parent.parent
OURS: Final = frozenset({"domain", "eventsourcing"})
HOW_PYTHON_WAS_BUILT: Final = "_sysconfigdata"
"""A module of the standard library whose name depends on the machine; ``zoneinfo`` loads it."""
SHOW_LOADED: Final = """
import importlib, json, sys
before = set(sys.modules)
for name in json.loads(sys.argv[1]):
    importlib.import_module(name)
print(json.dumps(sorted(set(sys.modules) - before)))
"""


def _every_domain_module() -> list[str]:
    return [found.name for found in pkgutil.walk_packages(domain.__path__, "domain.")]


def test_the_domain_loads_nothing_but_the_standard_library_and_eventsourcings_domain() -> None:
    modules = _every_domain_module()
    assert "domain.requisitions.requisition" in modules
    shown = subprocess.run(
        [sys.executable, "-c", SHOW_LOADED, json.dumps(modules)],
        cwd=ROOT,
        capture_output=True,
        check=True,
        text=True,
        timeout=60,
    )
    loaded = json.loads(shown.stdout)
    third_party = {
        name
        for name in loaded
        if name.partition(".")[0] not in sys.stdlib_module_names | OURS
        and not name.startswith(HOW_PYTHON_WAS_BUILT)
    }
    assert third_party == set()
    of_the_library = {name for name in loaded if name.startswith("eventsourcing")}
    assert of_the_library == {"eventsourcing", "eventsourcing.domain", "eventsourcing.utils"}


def test_an_aggregate_never_reads_the_clock_or_makes_an_id() -> None:
    forbidden = ("datetime.now", "utcnow", "uuid4(", "uuid1(", "time.time")
    for path in (ROOT / "domain").rglob("*.py"):
        text = path.read_text()
        assert not [word for word in forbidden if word in text], path
