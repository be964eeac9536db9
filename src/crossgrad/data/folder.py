"""Images or audio files in folders: domain/label/file."""

import os
import warnings
from pathlib import Path

from crossgrad.data.audio import AUDIO_EXTENSIONS
from crossgrad.data.dataset import DomainDataset
from crossgrad.data.image_decoding import readable_formats
from crossgrad.data.media import read_media
from crossgrad.data.naming import quoted
from crossgrad.data.telling import Tell, tell_nobody
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
    memory: int | None = None,
    workers: int = 0,
    tell: Tell = tell_nobody,
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
        memory: bytes that inputs may take before they are read only when they are needed; None: a quarter of what is
            free. Images of unknown channels are counted as in colour.
        workers: processes that read ahead where inputs are read when they are needed.
        tell: told how far it is.

    Raises:
        DataError: the folder is missing, empty or not laid out so, has files of both kinds, or one cannot be read.
        SettingsError: options of the other kind, or out of range.
    """
    root = Path(path)
    if not root.is_dir():
        raise DataError(f"{'not a folder' if root.exists() else 'no such folder'}: {str(root)!r}; {_LAYOUT}")
    files, ignored = _find(str(root), tell)
    if not files:
        raise DataError(f"no images and no audio files in {str(root)!r}; {_LAYOUT}")
    relative = [os.path.join(*parts) for parts in files]
    if misplaced := [file for file, parts in zip(relative, files, strict=True) if len(parts) != 3]:
        raise DataError(
            f"{len(misplaced)} of {len(files)} files in {str(root)!r} are not two folders deep, the first "
            f"is {misplaced[0]!r}; {_LAYOUT}"
        )
    domains, labels, _ = zip(*files, strict=True)
    _warn(root, ignored, domains)
    return read_media(
        [os.path.join(root, file) for file in relative],
        labels,
        domains,
        relative=relative,
        name=root.resolve().name,
        image_size=image_size,
        channels=channels,
        features=features,
        seconds=seconds,
        skip_unreadable=skip_unreadable,
        memory=memory,
        workers=workers,
        tell=tell,
    )


def files_under(path: str | os.PathLike[str]) -> list[str]:
    """Paths of the image and audio files in a folder, at any depth, in their order.

    Hidden files and folders are passed over, and so are links to folders.
    """
    root = os.fspath(path)
    found, _ = _find(root, tell_nobody)
    return [os.path.join(root, *parts) for parts in found]


def _find(root: str, tell: Tell) -> tuple[list[tuple[str, ...]], list[str]]:
    """The parts of the paths of files to read, and the paths of what is neither such nor a folder to look into.

    Both are relative and sorted by parts.
    """
    extensions = {*readable_formats(), *AUDIO_EXTENSIONS}
    found: list[tuple[str, ...]] = []
    ignored: list[tuple[str, ...]] = []
    folders: list[tuple[str, ...]] = [()]
    while folders:
        parts = folders.pop()
        tell(f"{len(found):,} files found")
        for entry in _entries(os.path.join(root, *parts)):
            here = (*parts, entry.name)
            if entry.is_dir():
                # A link to a folder may lead anywhere, back up included.
                if entry.is_symlink():
                    ignored.append(here)
                elif not entry.name.startswith("."):
                    folders.append(here)
            elif not entry.name.startswith("."):
                is_known = os.path.splitext(entry.name)[1].lower() in extensions
                (found if is_known else ignored).append(here)
    return sorted(found), [os.path.join(*parts) for parts in sorted(ignored)]


def _entries(folder: str) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            return list(entries)
    except OSError as error:
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
