"""The process in which espeak-ng speaks, run by path: it imports nothing but the standard library.

On standard input comes one JSON object: "library", "data" (paths) and "utterances". To standard output go, for each
utterance, a 32-bit count and as many 16-bit samples; a negative count is the length of an error message instead.
"""

import ctypes
import json
import os
import struct
import sys
from typing import Any, BinaryIO

_SYNCHRONOUS = 2
_DO_NOT_EXIT = 0x8000
"""Where its data is missing, the library would end the process."""

_UTF8 = 1
_RATE, _PITCH, _RANGE = 1, 3, 4
"""espeak_PARAMETER of speak_lib.h, as are the two above."""


def _main() -> None:
    asked = json.load(sys.stdin)
    output = os.fdopen(os.dup(1), "wb")
    with open(os.devnull, "wb") as nowhere:
        os.dup2(nowhere.fileno(), 1)  # what the library prints must not get between the samples
    try:
        _speak(asked, output)
    except (OSError, ValueError) as error:
        message = str(error).encode()
        output.write(struct.pack("<i", -len(message)) + message)
    output.flush()


def _speak(asked: dict[str, Any], output: BinaryIO) -> None:
    library = ctypes.CDLL(asked["library"])
    spoken: list[bytes] = []

    def keep(samples: Any, n_samples: int, _: Any) -> int:
        if samples and n_samples > 0:
            spoken.append(ctypes.string_at(samples, 2 * n_samples))
        return 0

    kind = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_void_p, ctypes.c_int, ctypes.c_void_p)
    callback = kind(keep)  # the library holds no reference to it: it must live as long as the loop below
    rate_hz = library.espeak_Initialize(_SYNCHRONOUS, 0, asked["data"].encode(), _DO_NOT_EXIT)
    if rate_hz != asked["sample_rate_hz"]:
        raise ValueError(f"espeak-ng could not be started with the data in {asked['data']!r}: it says {rate_hz}")
    library.espeak_SetSynthCallback(callback)
    library.espeak_ng_SetRandSeed(ctypes.c_long(0))  # of breath; espeak_Initialize seeds it by the clock
    for utterance in asked["utterances"]:
        voice = utterance["voice"]
        _, _, variant = voice.partition("+")
        # The library passes over a variant that is not there.
        is_there = os.path.exists(os.path.join(asked["data"], "voices", "!v", variant))
        if not is_there or library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise ValueError(f"espeak-ng has no voice {voice!r}")
        for parameter, value in ((_RATE, "rate"), (_PITCH, "pitch"), (_RANGE, "pitch_range")):
            library.espeak_SetParameter(parameter, utterance[value], 0)
        text = utterance["text"].encode()
        spoken.clear()
        if library.espeak_Synth(text, ctypes.c_size_t(len(text) + 1), 0, 1, 0, _UTF8, None, None) != 0:
            raise ValueError(f"espeak-ng could not speak {utterance['text']!r}")
        samples = b"".join(spoken)
        output.write(struct.pack("<i", len(samples) // 2) + samples)


if __name__ == "__main__":
    _main()
