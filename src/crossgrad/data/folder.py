"""Images in folders: domain/label/file."""

import os
import warnings
from pathlib import Path

from crossgrad.data.dataset import DomainDataset
from crossgrad.data.images import DEFAULT_IMAGE_SIZE, read_images
from crossgrad.data.naming import quoted
from crossgrad.data.preprocessing import readable_formats
from crossgrad.errors import DataError, DataWarning

_LAYOUT = "the layout must be FOLDER/domain/label/image"


def read_folder(
    path: str | os.PathLike[str],
    *,
    image_size: int = DEFAULT_IMAGE_SIZE,
    channels: int | None = None,
    skip_unreadable: bool = False,
) -> DomainDataset:
    """Read a folder of domain folders of label folders of images.

    Images are in the order of their paths. Hidden files and folders are passed over; links to folders, files
    that have no image's extension, and domains without images are left out with a DataWarning.

    Args:
        path: of the folder, whose name names the dataset.
        image_size: height and width of the inputs, in pixels; `ImageDecoding` says how images get there.
        channels: 1 for grey, 3 for colour; None: 1 where every image is grey, else 3.
        skip_unreadable: leave unreadable images out, with a DataWarning that counts and lists them.

    Raises:
        DataError: the folder is missing, empty or not laid out so, or an image cannot be read.
    """
    root = Path(path)
    if not root.is_dir():
        raise DataError(f"{'not a folder' if root.exists() else 'no such folder'}: {str(root)!r}; {_LAYOUT}")
    images, ignored = _find(root)
    if not images:
        raise DataError(f"no images in {str(root)!r}; {_LAYOUT}")
    if misplaced := [image for image in images if len(image.parts) != 3]:
        raise DataError(
            f"{len(misplaced)} of {len(images)} images in {str(root)!r} are not two folders deep, the first "
            f"is {str(misplaced[0])!r}; {_LAYOUT}"
        )
    domains, labels, _ = zip(*(image.parts for image in images), strict=True)
    _warn(root, ignored, domains)
    return read_images(
        [root / image for image in images],
        labels,
        domains,
        name=root.resolve().name,
        image_size=image_size,
        channels=channels,
        skip_unreadable=skip_unreadable,
    )


def _find(root: Path) -> tuple[list[Path], list[str]]:
    """Relative paths of the images, and of what is neither an image nor a folder to look into, sorted."""
    extensions = readable_formats()
    images: list[Path] = []
    ignored: list[str] = []
    for parent, folders, files in os.walk(root, onerror=_refuse):
        here = Path(parent).relative_to(root)
        # A link to a folder may lead anywhere, back up included. os.walk does not follow it.
        ignored += [str(here / name) for name in folders if (root / here / name).is_symlink()]
        folders[:] = [name for name in folders if not name.startswith(".")]
        for name in files:
            if name.startswith("."):
                continue
            if Path(name).suffix.lower() in extensions:
                images.append(here / name)
            else:
                ignored.append(str(here / name))
    return sorted(images, key=lambda image: image.parts), sorted(ignored)


def _refuse(error: OSError) -> None:
    raise DataError(f"cannot read the folder {error.filename!r}: {error.strerror}") from error


def _warn(root: Path, ignored: list[str], domains: tuple[str, ...]) -> None:
    if ignored:
        warnings.warn(
            f"left out of {str(root)!r}, being no images by their extension, or links to folders: "
            f"{len(ignored)}, {quoted(ignored)}",
            DataWarning,
            stacklevel=3,
        )
    folders = {entry.name for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False)}
    if empty := sorted(name for name in folders.difference(domains) if not name.startswith(".")):
        warnings.warn(f"without any image, so not among the domains: {quoted(empty)}", DataWarning, stacklevel=3)
