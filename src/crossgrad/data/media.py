"""A dataset of image or audio files, wherever their list came from."""

import math
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import NDArray
from torch import Tensor

from crossgrad.data.audio import AUDIO_EXTENSIONS, check_audio_libraries
from crossgrad.data.audio_decoding import AudioDecoding
from crossgrad.data.dataset import DomainDataset
from crossgrad.data.decoding import Decoding
from crossgrad.data.file_inputs import HINT, FileInputs, fingerprint_of
from crossgrad.data.image_decoding import ImageDecoding
from crossgrad.data.lazy_inputs import LazyInputs
from crossgrad.data.memory import free_memory
from crossgrad.data.naming import name_indices, quoted
from crossgrad.data.telling import Tell, telling
from crossgrad.errors import DataError, DataWarning, SettingsError

DEFAULT_IMAGE_SIZE = 32
DEFAULT_FEATURES = "mfcc"
DEFAULT_SECONDS = 1.0
SHARE_OF_FREE_MEMORY = 0.25
"""That inputs may take unless a size is named: training copies what it trains on, and nets need the rest."""

T = TypeVar("T")


def read_media(
    paths: Sequence[str],
    labels: Sequence[str],
    domains: Sequence[str],
    *,
    relative: Sequence[str],
    name: str,
    image_size: int | None,
    channels: int | None,
    features: str | None,
    seconds: float | None,
    skip_unreadable: bool,
    memory: int | None,
    workers: int,
    tell: Tell,
) -> DomainDataset:
    """Read files in the order of their paths: audio where all their extensions are of audio, else images.

    Inputs that together take more than `memory` are not read here but when they are needed. What is needed of them
    beforehand is: with `skip_unreadable`, whether each can be read at all; and of images whose channels are not
    named, whether any has colour, up to the first that has: of a grey image the header tells.

    Args:
        paths: of n files, at least one.
        labels: n names.
        domains: n names.
        relative: the files' n names relative to where their list lies.
        name: of the dataset.
        image_size: of images: height and width of the inputs, in pixels; None: 32.
        channels: of images: 1, 3, or None: 1 where every pixel of every image is grey, else 3.
        features: of audio: "mfcc" or "log_mel"; None: "mfcc".
        seconds: of audio, of every input; None: 1.
        skip_unreadable: leave unreadable files out, with a DataWarning that counts and lists them.
        memory: bytes that inputs may take; images of unknown channels are counted as in colour. None: a quarter of
            what is free.
        workers: processes that read ahead where inputs are read when they are needed.
        tell: told how far it is.

    Raises:
        DataError: files of both kinds, or one cannot be read, or none can.
        SettingsError: options of the other kind, or out of range.
    """
    for what, value in (("memory", memory), ("workers", workers)):
        if value is not None and value < 0:
            raise SettingsError(f"{what} is at least 0, not {value}")
    n_audio = sum(path.lower().endswith(AUDIO_EXTENSIONS) for path in paths)
    if 0 < n_audio < len(paths):
        raise DataError(
            f"{name!r} has {n_audio} audio files and {len(paths) - n_audio} images; a dataset is of one kind"
        )
    decoding: Decoding
    if n_audio:
        if image_size is not None or channels is not None:
            raise SettingsError(f"image size and channels are for image files, and those of {name!r} are audio")
        check_audio_libraries()
        decoding = AudioDecoding(
            DEFAULT_FEATURES if features is None else features, DEFAULT_SECONDS if seconds is None else seconds
        )
    else:
        if features is not None or seconds is not None:
            raise SettingsError(f"features and seconds are for audio files, and those of {name!r} are images")
        decoding = ImageDecoding(
            DEFAULT_IMAGE_SIZE if image_size is None else image_size, 3 if channels is None else channels
        )
    n_bytes = len(paths) * math.prod(decoding.input_shape) * np.dtype(np.float32).itemsize
    most = SHARE_OF_FREE_MEMORY * free_memory() if memory is None else memory
    reading = _Reading(decoding, n_audio == 0 and channels is None, skip_unreadable, tell)
    inputs: Tensor | LazyInputs
    if n_bytes <= most:
        kept, decoding, inputs = reading.read(paths)
    else:
        kept, decoding = reading.look_through(paths)
        chosen = tuple(paths[index] for index in kept)
        tell(f"{len(chosen):,} files are dated")
        dated = fingerprint_of(chosen, [relative[index] for index in kept], decoding)
        source = FileInputs(chosen, decoding, dated, HINT)
        inputs = LazyInputs(source, torch.arange(len(chosen)), workers)
    label_indices, label_names = name_indices([labels[index] for index in kept], what="labels")
    domain_indices, domain_names = name_indices([domains[index] for index in kept], what="domains")
    files = tuple(relative[index] for index in kept)
    return DomainDataset(inputs, label_indices, domain_indices, label_names, domain_names, name, decoding, files=files)


@dataclass(frozen=True)
class _Reading:
    """How files are read, now or only looked through for now.

    Args:
        decoding: of each; in colour where channels are yet to be found.
        finds_channels: whether grey images make grey inputs.
        skip_unreadable: whether files that cannot be read are left out.
        tell: told how far it is.
    """

    decoding: Decoding
    finds_channels: bool
    skip_unreadable: bool
    tell: Tell

    def read(self, paths: Sequence[str]) -> tuple[list[int], Decoding, Float[Tensor, "n *shape"]]:
        """Indices of the files that can be read, how they are decoded, and the inputs that they give."""
        kept, inputs = self._each(paths, self._decode, words="are read")
        decoding = self._with_channels(max(map(len, inputs)))
        return kept, decoding, torch.from_numpy(np.stack([np.broadcast_to(i, decoding.input_shape) for i in inputs]))

    def look_through(self, paths: Sequence[str]) -> tuple[list[int], Decoding]:
        """The first two of what `read` gives, from as few files as tell."""
        if self.skip_unreadable:
            kept, channels = self._each(paths, lambda path: len(self._decode(path)), words="are tried")
            return kept, self._with_channels(max(channels))
        if self.finds_channels and isinstance(self.decoding, ImageDecoding):
            try:
                has_colour = any(map(self.decoding.has_colour, telling(paths, "images are grey", self.tell)))
            except DataError as error:
                raise DataError(f"{error}{HINT}") from error
            return list(range(len(paths))), self._with_channels(3 if has_colour else 1)
        return list(range(len(paths))), self.decoding

    def _decode(self, path: str) -> NDArray[np.float32]:
        """One channel where all are equal and that is looked for; a copy, so that the others are let go."""
        values = self.decoding.decode(path)
        return values[:1].copy() if self.finds_channels and (values == values[:1]).all() else values

    def _with_channels(self, channels: int) -> Decoding:
        return replace(self.decoding, channels=channels) if isinstance(self.decoding, ImageDecoding) else self.decoding

    def _each(self, paths: Sequence[str], function: Callable[[str], T], *, words: str) -> tuple[list[int], list[T]]:
        """Indices of the files that can be read, and what a function gives for them."""
        what = "images" if isinstance(self.decoding, ImageDecoding) else "audio files"
        kept: list[int] = []
        results: list[T] = []
        failures: list[str] = []
        for index, path in enumerate(telling(paths, f"{what} {words}", self.tell)):
            try:
                results.append(function(path))
            except DataError as error:
                if not self.skip_unreadable:
                    raise DataError(f"{error}{HINT}") from error
                failures.append(path)
            else:
                kept.append(index)
        if failures:
            told = f"{len(failures)} of {len(paths)} {what} cannot be read: {quoted(failures)}"
            if not kept:
                raise DataError(f"nothing is left: {told}")
            warnings.warn(f"left out, since {told}", DataWarning, stacklevel=6)
        return kept, results
