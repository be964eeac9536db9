"""A dataset of image files, wherever their list came from."""

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from crossgrad.data.dataset import DomainDataset
from crossgrad.data.naming import name_indices, quoted
from crossgrad.data.preprocessing import ImageDecoding
from crossgrad.errors import DataError, DataWarning

DEFAULT_IMAGE_SIZE = 32


def read_images(
    paths: Sequence[Path],
    labels: Sequence[str],
    domains: Sequence[str],
    *,
    name: str,
    image_size: int,
    channels: int | None,
    skip_unreadable: bool,
) -> DomainDataset:
    """Decode images in the order of their paths.

    Args:
        paths: of n images, at least one.
        labels: n names.
        domains: n names.
        name: of the dataset.
        image_size: height and width of the inputs, in pixels.
        channels: 1, 3, or None: 1 where every pixel of every image is grey, else 3.
        skip_unreadable: leave unreadable images out, with a DataWarning that counts and lists them.

    Raises:
        DataError: an image cannot be read, or none can.
    """
    decoding = ImageDecoding(image_size, channels or 3)
    kept: list[int] = []
    images: list[NDArray[np.float32]] = []
    failures: list[str] = []
    for index, path in enumerate(paths):
        try:
            image = decoding.decode(path)
        except DataError as error:
            if not skip_unreadable:
                raise DataError(f"{error}; --skip-unreadable leaves such files out") from error
            failures.append(str(path))
            continue
        kept.append(index)
        images.append(image[:1] if channels is None and (image == image[:1]).all() else image)
    if failures:
        told = f"{len(failures)} of {len(paths)} images cannot be read: {quoted(failures)}"
        if not kept:
            raise DataError(f"no image is left: {told}")
        warnings.warn(f"left out, since {told}", DataWarning, stacklevel=3)
    if channels is None:
        channels = max(len(image) for image in images)
        images = [np.broadcast_to(image, (channels, image_size, image_size)) for image in images]
    label_indices, label_names = name_indices([labels[index] for index in kept], what="labels")
    domain_indices, domain_names = name_indices([domains[index] for index in kept], what="domains")
    return DomainDataset(
        torch.from_numpy(np.stack(images)),
        label_indices,
        domain_indices,
        label_names,
        domain_names,
        name,
        ImageDecoding(image_size, channels),
    )
