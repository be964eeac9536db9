import hashlib
import re
import subprocess
import sys
import time

import numpy as np
import pytest

from crossgrad.data.espeak import SAMPLE_RATE_HZ, Utterance, speak
from crossgrad.errors import DataError

BREATHY = [Utterance(word, voice) for voice in ("en-us+f3", "en+victor") for word in ("yes", "stop")]
"""Voices with breath: noise, which the library seeds by the clock where nobody else does."""


def said(utterances: list[Utterance]) -> str:
    return hashlib.sha256(b"".join(waveform.tobytes() for waveform in speak(utterances))).hexdigest()


def test_another_process_at_another_second_hears_the_same():
    here = said(BREATHY)
    time.sleep(1.1)  # the clock that would seed the noise counts seconds
    code = (
        "import hashlib; from crossgrad.data.espeak import Utterance, speak\n"
        "words = [Utterance(w, v) for v in ('en-us+f3', 'en+victor') for w in ('yes', 'stop')]\n"
        "print(hashlib.sha256(b''.join(w.tobytes() for w in speak(words))).hexdigest())"
    )
    there = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert there.stdout.strip() == here
    assert there.stderr == ""


def test_what_is_said_first_does_not_depend_on_what_follows():
    for first, also_first in zip(speak(BREATHY[:2]), speak(BREATHY), strict=False):
        np.testing.assert_array_equal(first, also_first)


@pytest.mark.parametrize("other", [{"voice": "en+f3"}, {"rate": 120}, {"pitch": 80}, {"pitch_range": 99}])
def test_every_property_of_an_utterance_is_heard(other):
    assert said([Utterance("stop", "en-us+f3")]) != said([Utterance(**{"text": "stop", "voice": "en-us+f3", **other})])


def test_slow_speech_is_longer():
    slow, fast = speak([Utterance("seven", "en", rate=90), Utterance("seven", "en", rate=250)])
    assert len(slow) > 1.5 * len(fast) > 0.1 * SAMPLE_RATE_HZ


@pytest.mark.parametrize("voice", ["en-us+nobody", "en-atlantis", "en-atlantis+f3"])
def test_a_voice_that_is_not_there_is_named(voice):
    with pytest.raises(DataError, match=re.escape(f"no voice '{voice}'")):
        list(speak([Utterance("yes", voice)]))


def test_the_rest_need_not_be_heard():
    spoken = speak([Utterance("yes", "en")] * 500)
    next(spoken)
    spoken.close()


def test_nothing_is_printed(capfd):
    list(speak([Utterance("yes", "en-us+RicishayMax")]))
    assert capfd.readouterr() == ("", "")
