"""A dataset of image or audio files, wherever their list came from."""

import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from crossgrad.data.audio import AUDIO_EXTENSIONS, check_audio_libraries
from crossgrad.data.audio_decoding import AudioDecoding
from crossgrad.data.dataset import DomainDataset
from crossgrad.data.decoding import Decoding
from crossgrad.data.image_decoding import ImageDecoding
from crossgrad.data.naming import name_indices, quoted
from crossgrad.errors import DataError, DataWarning, SettingsError

DEFAULT_IMAGE_SIZE = 32
DEFAULT_FEATURES = "mfcc"
DEFAULT_SECONDS = 1.0


def read_media(
    paths: Sequence[Path],
    labels: Sequence[str],
    domains: Sequence[str],
    *,
    name: str,
    image_size: int | None,
    channels: int | None,
    features: str | None,
    seconds: float | None,
    skip_unreadable: bool,
) -> DomainDataset:
    """Decode files in the order of their paths: audio where all their extensions are of audio, else images.

    Args:
        paths: of n files, at least one.
        labels: n names.
        domains: n names.
        name: of the dataset.
        image_size: of images: height and width of the inputs, in pixels; None: 32.
        channels: of images: 1, 3, or None: 1 where every pixel of every image is grey, else 3.
        features: of audio: "mfcc" or "log_mel"; None: "mfcc".
        seconds: of audio, of every input; None: 1.
        skip_unreadable: leave unreadable files out, with a DataWarning that counts and lists them.

    Raises:
        DataError: files of both kinds, or one cannot be read, or none can.
        SettingsError: options of the other kind, or out of range.
    """
    n_audio = sum(path.suffix.lower() in AUDIO_EXTENSIONS for path in paths)
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
        kept, inputs = _decode(paths, decoding.decode, what="audio files", skip_unreadable=skip_unreadable)
    else:
        if features is not None or seconds is not None:
            raise SettingsError(f"features and seconds are for audio files, and those of {name!r} are images")
        size = DEFAULT_IMAGE_SIZE if image_size is None else image_size
        colour = ImageDecoding(size, 3 if channels is None else channels)
        decode = colour.decode if channels is not None else lambda path: _without_false_colour(colour.decode(path))
        kept, inputs = _decode(paths, decode, what="images", skip_unreadable=skip_unreadable)
        decoding = ImageDecoding(size, max(len(image) for image in inputs))
        inputs = [np.broadcast_to(image, (decoding.channels, size, size)) for image in inputs]
    label_indices, label_names = name_indices([labels[index] for index in kept], what="labels")
    domain_indices, domain_names = name_indices([domains[index] for index in kept], what="domains")
    return DomainDataset(
        torch.from_numpy(np.stack(inputs)), label_indices, domain_indices, label_names, domain_names, name, decoding
    )


def _decode(
    paths: Sequence[Path], decode: Callable[[Path], NDArray[np.float32]], *, what: str, skip_unreadable: bool
) -> tuple[list[int], list[NDArray[np.float32]]]:
    """Indices of the files that can be read, and the inputs that they give."""
    kept: list[int] = []
    inputs: list[NDArray[np.float32]] = []
    failures: list[str] = []
    for index, path in enumerate(paths):
        try:
            inputs.append(decode(path))
        except DataError as error:
            if not skip_unreadable:
                raise DataError(f"{error}; --skip-unreadable leaves such files out") from error
            failures.append(str(path))
        else:
            kept.append(index)
    if failures:
        told = f"{len(failures)} of {len(paths)} {what} cannot be read: {quoted(failures)}"
        if not kept:
            raise DataError(f"nothing is left: {told}")
        warnings.warn(f"left out, since {told}", DataWarning, stacklevel=4)
    return kept, inputs


def _without_false_colour(image: NDArray[np.float32]) -> NDArray[np.float32]:
    """One channel where all three are equal."""
    return image[:1] if (image == image[:1]).all() else image
