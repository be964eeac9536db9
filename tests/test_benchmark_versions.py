"""What `make versions` tries is what pyproject.toml declares, and its record is of the versions declared now."""

import json
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
RECORD = ROOT / "results" / "benchmarks" / "versions.json"
sys.path.insert(0, str(ROOT / "benchmarks"))

from smoke import CHECKS, failure  # noqa: E402
from versions import EXTRAS, declared, lowest, passed  # noqa: E402


@pytest.fixture(scope="module")
def project() -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    return found


def test_every_extra_for_users_is_tried(project: dict[str, Any]) -> None:
    assert set(declared(project)) == set(CHECKS)
    assert set(EXTRAS) == set(project["optional-dependencies"]) - {"dev"}


def test_the_lowest_version_is_the_bound_and_a_requirement_without_one_is_refused() -> None:
    assert lowest(map(Requirement, ["Typer>=0.16.1", "torch>=2.11", "a_b[c]>=5,<7"])) == {"typer": "0.16.1", "a-b": "5"}
    with pytest.raises(ValueError, match="scipy has 0 lower bounds"):
        lowest([Requirement("scipy")])


def test_a_check_that_fails_is_told_and_the_result_is_no_pass() -> None:
    def fails() -> None:
        raise RuntimeError("no such wheel")

    assert "no such wheel" in (failure(fails) or "")
    assert failure(lambda: None) is None
    one: dict[str, Any] = {"refused": None, "checks": {"imports": None}}
    good: dict[str, Any] = {
        "wheel": {"py_typed": True},
        "extras_refused": {"audio": None},
        "environments": {"lowest": {"core": one}},
    }
    assert passed(good)
    assert not passed(good | {"wheel": {"py_typed": False}})
    assert not passed(good | {"extras_refused": {"audio": "no"}})
    assert not passed(good | {"environments": {"lowest": {"core": one | {"refused": "no"}}}})
    assert not passed(good | {"environments": {"lowest": {"core": one | {"checks": {"imports": "no"}}}}})


def test_everything_passed_with_the_lowest_versions_declared_now_and_with_newer_ones(project: dict[str, Any]) -> None:
    record = json.loads(RECORD.read_text())
    bounds = lowest(each for of_one in declared(project).values() for each in of_one)
    assert record["declared"] == bounds
    assert passed(record)
    assert set(record["extras_refused"]) == set(EXTRAS)
    assert set(record["environments"]) == {"lowest", "newest"}
    for name, tried in record["environments"].items():
        assert set(tried["core"]["checks"]) == {check.__name__ for check in CHECKS["core"]}
        assert set(tried["extras"]["checks"]) == {check.__name__ for extra in EXTRAS for check in CHECKS[extra]}
        versions = tried["extras"]["versions"]
        same = [distribution for distribution, bound in bounds.items() if versions[distribution].startswith(bound)]
        assert (len(same) == len(bounds)) == (name == "lowest")
