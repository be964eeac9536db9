from pathlib import Path

import pytest

from crossgrad.data.roots import cache_root, data_root
from crossgrad.errors import SettingsError

roots = pytest.mark.parametrize(("root", "variable"), [(data_root, "CROSSGRAD_DATA"), (cache_root, "CROSSGRAD_CACHE")])


@roots
def test_a_root_is_the_folder_that_the_environment_names(root, variable, monkeypatch):
    monkeypatch.setenv(variable, "~/there")
    assert root() == Path.home() / "there"
    monkeypatch.delenv(variable)
    assert root().parent.name == "crossgrad"


@roots
def test_the_home_of_an_unknown_user_is_told_with_the_variable(root, variable, monkeypatch):
    monkeypatch.setenv(variable, "~nosuchuser/x")
    with pytest.raises(SettingsError, match=f"{variable} is '~nosuchuser/x', .* write the path in full"):
        root()
