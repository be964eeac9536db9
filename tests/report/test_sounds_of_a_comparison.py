"""A comparison on real speech, from recordings to players in a browser: inputs and what they were moved to."""

import base64
import io
import wave
from pathlib import Path

import numpy as np
import pytest

import crossgrad
from crossgrad.data import BENCHMARKS

from .conftest import Open

PREFIX = "data:audio/wav;base64,"
DURATION = """player => new Promise((told, failed) => {
    player.onloadedmetadata = () => told(player.duration); player.onerror = failed; player.load() })"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("librosa")
    if not BENCHMARKS["speech_lithuanian"].is_here:
        pytest.skip("the recordings of speech_lithuanian are not under CROSSGRAD_DATA")
    folder = tmp_path_factory.mktemp("speech") / "compared"
    crossgrad.compare(
        crossgrad.open_dataset("speech_lithuanian"),
        output=folder,
        methods=["erm", "crossgrad"],
        hold_out="20%",
        seeds=[0],
        net="keyword/8",
        max_steps=3,
        fields={"crossgrad": {"domain_gradient_step": 30.0, "label_gradient_step": 30.0}},
        jobs=1,
    )
    return folder / "report.html"


def samples(source: str | None) -> np.ndarray:
    assert source is not None
    assert source.startswith(PREFIX)
    with wave.open(io.BytesIO(base64.b64decode(source.removeprefix(PREFIX)))) as sound:
        assert (sound.getnchannels(), sound.getsampwidth(), sound.getframerate()) == (1, 2, 8000)
        return np.frombuffer(sound.readframes(sound.getnframes()), np.int16)


@pytest.mark.parametrize("width", [1280, 390])
def test_inputs_and_what_they_were_moved_to_can_be_heard(page: Path, open_page: Open, width: int) -> None:
    assert page.stat().st_size < 5e6
    seen = open_page(page, width=width)
    players = seen.page.locator(".gallery audio:visible")
    assert players.count() == 2 * 3  # two inputs, each as it is and moved along either gradient
    for row in range(2):
        heard = [players.nth(3 * row + place) for place in range(3)]
        clean, *moved = (samples(player.get_attribute("src")) for player in heard)
        assert np.abs(clean).max() > 10_000
        assert clean.std() > 300
        for each in moved:
            assert len(each) == len(clean)
            assert not np.array_equal(each, clean)
        for player in heard:
            assert player.evaluate(DURATION) == pytest.approx(len(clean) / 8000, abs=0.01)
            assert player.get_attribute("aria-label")
    assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
    assert seen.messages == []
    assert seen.requests == [page.as_uri()] or all(url.startswith(("data:", "file:")) for url in seen.requests)
