"""Images or audio files in folders: domain/label/file."""

import os
import warnings
from pathlib import Path

from crossgrad.data.audio import AUDIO_EXTENSIONS
from crossgrad.data.dataset import DomainDataset
from crossgrad.data.image_decoding import readable_formats
from crossgrad.data.media import read_media
from crossgrad.data.naming import quoted
from crossgrad.errors import DataError, DataWarning

_LAYOUT = "the layout must be FOLDER/domain/label/file"


def read_folder(
    path: str | os.PathLike[str],
    *,
    image_size: int | None = None,
    channels: int | None = None,
    features: str | None = None,
    seconds: float | None = None,
    skip_unreadable: bool = False,
) -> DomainDataset:
    """Read a folder of domain folders of label folders of files, all images or all audio.

    They are in the order of their paths. Hidden files and folders are passed over; links to folders, files
    without the extension of an image or of audio, and domains without files are left out with a DataWarning.

    Args:
        path: of the folder, whose name names the dataset.
        image_size: of images: height and width of the inputs, in pixels; None: 32. `ImageDecoding` says how they
            get there.
        channels: of images: 1 for grey, 3 for colour; None: 1 where every image is grey, else 3.
        features: of audio: "mfcc" or "log_mel"; None: "mfcc". `AudioDecoding` says what they are.
        seconds: of audio, of every input; None: 1.
        skip_unreadable: leave unreadable files out, with a DataWarning that counts and lists them.

    Raises:
        DataError: the folder is missing, empty or not laid out so, has files of both kinds, or one cannot be read.
        SettingsError: options of the other kind, or out of range.
    """
    root = Path(path)
    if not root.is_dir():
        raise DataError(f"{'not a folder' if root.exists() else 'no such folder'}: {str(root)!r}; {_LAYOUT}")
    files, ignored = _find(root)
    if not files:
        raise DataError(f"no images and no audio files in {str(root)!r}; {_LAYOUT}")
    if misplaced := [file for file in files if len(file.parts) != 3]:
        raise DataError(
            f"{len(misplaced)} of {len(files)} files in {str(root)!r} are not two folders deep, the first "
            f"is {str(misplaced[0])!r}; {_LAYOUT}"
        )
    domains, labels, _ = zip(*(file.parts for file in files), strict=True)
    _warn(root, ignored, domains)
    return read_media(
        [root / file for file in files],
        labels,
        domains,
        name=root.resolve().name,
        image_size=image_size,
        channels=channels,
        features=features,
        seconds=seconds,
        skip_unreadable=skip_unreadable,
    )


def _find(root: Path) -> tuple[list[Path], list[str]]:
    """Relative paths of the files to read, and of what is neither such nor a folder to look into, sorted."""
    extensions = {*readable_formats(), *AUDIO_EXTENSIONS}
    found: list[Path] = []
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
                found.append(here / name)
            else:
                ignored.append(str(here / name))
    return sorted(found, key=lambda file: file.parts), sorted(ignored)


def _refuse(error: OSError) -> None:
    raise DataError(f"cannot read the folder {error.filename!r}: {error.strerror}") from error


def _warn(root: Path, ignored: list[str], domains: tuple[str, ...]) -> None:
    if ignored:
        warnings.warn(
            f"left out of {str(root)!r}, being neither images nor audio by their extension, or links to folders: "
            f"{len(ignored)}, {quoted(ignored)}",
            DataWarning,
            stacklevel=3,
        )
    folders = {entry.name for entry in os.scandir(root) if entry.is_dir(follow_symlinks=False)}
    if empty := sorted(name for name in folders.difference(domains) if not name.startswith(".")):
        warnings.warn(f"without any file, so not among the domains: {quoted(empty)}", DataWarning, stacklevel=3)
