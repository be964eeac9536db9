import subprocess
import sys

import pytest

import crossgrad


def python(code: str, *options: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run([sys.executable, *options, "-c", code], capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize("name", crossgrad.__all__)
def test_every_public_name_is_there_and_says_what_it_is(name: str) -> None:
    value = getattr(crossgrad, name)
    assert name in dir(crossgrad)
    assert value.__doc__


def test_public_names_are_listed_once_in_each_place() -> None:
    assert len(set(crossgrad.__all__)) == len(crossgrad.__all__)
    assert set(crossgrad.__all__) == set(crossgrad._HOME)


def test_a_name_that_is_not_there_is_told_as_python_does() -> None:
    with pytest.raises(AttributeError, match="module 'crossgrad' has no attribute 'crosgrad'"):
        _ = crossgrad.crosgrad


def test_the_package_its_reports_and_its_command_load_without_torch_and_without_a_warning() -> None:
    code = """
import sys
import crossgrad, crossgrad.errors, crossgrad.cli, crossgrad.report, crossgrad.records, crossgrad.significance
crossgrad.CrossGradError
assert "torch" not in sys.modules
crossgrad.METHODS
assert "torch" in sys.modules
"""
    done = python(code, "-W", "error")
    assert (done.returncode, done.stderr) == (0, "")
