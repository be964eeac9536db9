"""Audio of many formats."""

import io
from functools import cache
from pathlib import Path

import numpy as np

from fuzzing.target import Target, altered_anyhow, written


@cache
def _audio() -> tuple[bytes, ...]:
    import soundfile

    waveform = np.sin(np.arange(1600) / 7)[:, None].repeat(2, axis=1)
    found = []
    for form, kind in (
        ("WAV", "PCM_16"),
        ("WAV", "FLOAT"),
        ("WAV", "IMA_ADPCM"),
        ("WAV", "PCM_U8"),
        ("FLAC", "PCM_16"),
        ("FLAC", "PCM_24"),
        ("OGG", "VORBIS"),
        ("OGG", "OPUS"),
        ("MP3", "MPEG_LAYER_III"),
        ("AIFF", "PCM_16"),
        ("CAF", "ALAC_16"),
        ("W64", "PCM_16"),
        ("AU", "ULAW"),
    ):
        file = io.BytesIO()
        soundfile.write(file, waveform, 16_000 if form == "OGG" else 8_000, format=form, subtype=kind)
        found.append(file.getvalue())
    return tuple(found)


def _read_audio(content: bytes, folder: Path) -> object:
    from crossgrad.data.audio_decoding import AudioDecoding

    decoding = AudioDecoding("log_mel", seconds=0.1)
    if content[-1:] < b"\x40":
        return decoding.decode(io.BytesIO(content))
    return decoding.decode(written(folder / "a.wav", content))


TARGETS = {
    "audio": Target(_audio, altered_anyhow, _read_audio, 1000, is_binary=True),
}
