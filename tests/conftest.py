"""The whole run has checked types: every annotation of the package, tensor shapes included, is held to.

The hook works on what is imported after it, and this file is imported first. An int is a float, as for mypy.
"""

import os
import signal
from pathlib import Path

import jaxtyping

# Benchmarks that tests make are kept between test runs, apart from the user's own.
os.environ.setdefault("CROSSGRAD_CACHE", str(Path(__file__).parent.parent / ".pytest_cache" / "crossgrad"))

# Tests run as many at once as there are cores; processes that they start are not to take more.
for library in ("OMP", "OPENBLAS", "MKL"):
    os.environ.setdefault(f"{library}_NUM_THREADS", "1")

# A shell that starts the tests in the background has interruptions ignored, and processes inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

jaxtyping.install_import_hook("crossgrad", "beartype.beartype(conf=beartype.BeartypeConf(is_pep484_tower=True))")

from collections.abc import Iterator  # noqa: E402

import hypothesis  # noqa: E402
import pytest  # noqa: E402
import torch  # noqa: E402

from commands import Command, commands  # noqa: E402

torch.set_num_threads(1)
# A time limit per example would be measured on shared machines, and a failure must come again by itself.
hypothesis.settings.register_profile("crossgrad", deadline=None, derandomize=True, max_examples=50)
hypothesis.settings.load_profile("crossgrad")


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """The command line in this process, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return commands(monkeypatch, capsys)


@pytest.fixture(autouse=True)
def torch_left_as_found() -> Iterator[None]:
    """Every test starts from one state of torch's generator, and none may leave another dtype or mode behind."""
    torch.manual_seed(0)
    yield
    assert torch.get_default_dtype() is torch.float32
    assert torch.is_grad_enabled()
