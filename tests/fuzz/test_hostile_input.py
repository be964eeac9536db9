"""Ten thousand hostile inputs: each ends as a result or as one of our errors, and does nothing else meanwhile.

Which inputs these are is the same at every run. `fuzzing/campaign.py` reads more of them.
"""

import contextlib
from pathlib import Path

import hypothesis
import pytest
from fuzzing.guard import guarded, limited_memory
from fuzzing.targets import TARGETS, altered
from hypothesis import strategies as st

from crossgrad.errors import CrossGradError

pytestmark = pytest.mark.filterwarnings("ignore")  # what libraries say of damaged files is no error


def test_the_share_of_a_test_run_is_ten_thousand_inputs() -> None:
    assert sum(target.share for target in TARGETS.values()) >= 10_000
    assert len(TARGETS) == 21  # as SECURITY.md says


@pytest.mark.parametrize("name", TARGETS)
def test_sound_input_is_read(name: str, tmp_path: Path) -> None:
    for content in TARGETS[name].seeds():
        try:
            TARGETS[name].read(content, tmp_path)
        except CrossGradError:
            assert name in ("ink", "pickle", "command")  # which have seeds of their neighbours


@pytest.mark.parametrize("name", TARGETS)
def test_whatever_comes_ends_as_a_result_or_as_one_of_our_errors(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = TARGETS[name]
    monkeypatch.setenv("CROSSGRAD_CACHE", str(tmp_path / "cache"))
    for content in target.seeds():  # what a reader imports is imported now
        with contextlib.suppress(CrossGradError):
            target.read(content, tmp_path)
    n_read = 0

    @hypothesis.settings(
        max_examples=target.share, database=None, suppress_health_check=list(hypothesis.HealthCheck), print_blob=True
    )
    @hypothesis.given(st.binary(max_size=40))
    def read_it(decisions: bytes) -> None:
        nonlocal n_read
        content = altered(name, decisions)
        n_read += 1
        with guarded(tmp_path, most_bytes=target.most_bytes), contextlib.suppress(CrossGradError):
            target.read(content, tmp_path)

    with limited_memory():
        read_it()
    assert n_read >= target.share
