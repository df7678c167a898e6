"""The files that data sets are made from: found in one folder, downloaded where absent, and never used unverified.

The folder is the one that the environment variable ``EQUIVAUG_DATA`` names, and may be read-only when every file is
there already. A data set's module lists its files in a constant ``FILES``.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pooch

from bench.errors import UserError
from bench.registry import datasets


class FetchError(UserError):
    """A file that could not be had, or is not the published one."""


@dataclass(frozen=True)
class File:
    """A file as its publisher gives it: ``folder / name`` here, each of ``mirrors`` followed by ``name`` there.

    ``checksum`` is the published file's, written ``algorithm:digits``. A gzip'd file may be packed in many ways, so it
    is known by what it unpacks to instead: the SHA-256 ``unpacked`` of ``unpacked_size`` bytes.
    """

    folder: str
    name: str
    mirrors: tuple[str, ...]
    checksum: str
    unpacked: str | None = None
    unpacked_size: int = 0

    @property
    def path(self) -> Path:
        return data_folder() / self.folder / self.name

    @property
    def identity(self) -> str:
        """What tells the genuine file, as an error says it."""
        if self.unpacked:
            return f"sha256:{self.unpacked} once unpacked"
        return self.checksum


def data_folder() -> Path:
    """Return the folder of all downloads: ``EQUIVAUG_DATA``, or else the user's cache."""
    named = os.environ.get("EQUIVAUG_DATA")
    return expanded(Path(named or pooch.os_cache("equivaug"))).absolute()


def expanded(path: Path) -> Path:
    """Return a path with the home folder for ``~``; a user that does not exist is left as it is written."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - pathlib's raises RuntimeError for an unknown user


def fetch_dataset(name: str) -> list[Path]:
    """Return the verified files of a data set, downloading what is absent; none for a data set without downloads.

    UserError for an unknown name, FetchError as `fetch`.
    """
    return [fetch(file) for file in datasets[name].files]


def fetch(file: File) -> Path:
    """Return the path of the verified file; FetchError if it cannot be had or is another file."""
    if file.unpacked:
        unpack(file)
        return file.path
    _download_if_absent(file)
    algorithm = file.checksum.partition(":")[0]
    try:
        identity = f"{algorithm}:{pooch.file_hash(str(file.path), alg=algorithm)}"
    except OSError as error:
        raise _unreadable(file, error) from error
    if identity != file.checksum:
        raise _wrong(file, identity)
    return file.path


def unpack(file: File) -> bytes:
    """Return the verified content of a gzip'd file; FetchError if it cannot be had or is another file."""
    _download_if_absent(file)
    try:
        with gzip.open(file.path) as stream:
            # one byte more than expected is enough to refuse, however far a hostile file would expand
            content = stream.read(file.unpacked_size + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise _unreadable(file, error) from error
    if len(content) > file.unpacked_size:
        raise FetchError(f"{file.path} unpacks to more than the expected {file.unpacked_size} bytes; {_ADVICE}")
    digits = hashlib.sha256(content).hexdigest()
    if digits != file.unpacked:
        raise _wrong(file, f"sha256:{digits}")
    return content


def _download_if_absent(file: File) -> None:
    """Try the mirrors in order; FetchError with what to put where if none of them has the file."""
    if file.path.exists():
        return
    failures = []
    for mirror in file.mirrors:
        failure = _download(file, mirror)
        if failure is None:
            return
        failures.append(f"{urlsplit(mirror).netloc}: {failure}")
    raise FetchError(
        f"{file.name} could not be downloaded ({'; '.join(failures)}); put the file with checksum {file.identity} "
        f"at {file.path}"
    )


def _download(file: File, mirror: str) -> str | None:
    """Download from one mirror and return None, or why that failed; FetchError if the folder cannot be written.

    Pooch moves the file into place once its checksum is right, and removes it otherwise.
    """
    named = os.environ.get("EQUIVAUG_DATA")
    if named and not data_folder().is_dir():
        # it may be a slip, and a slip should not fill a new folder with downloads
        raise FetchError(f"EQUIVAUG_DATA names {named}, where there is no folder; make it, or name another")
    try:
        file.path.parent.mkdir(parents=True, exist_ok=True)
        pooch.retrieve(mirror + file.name, known_hash=file.checksum, fname=file.name, path=file.path.parent)
    except ValueError:
        return "wrong checksum"
    except OSError as error:
        # the network's errors are OSErrors too, but only the file system's carry a number
        if error.errno is None:
            return type(error).__name__
        raise FetchError(
            f"{file.path.parent} cannot be written ({error.strerror}), so that {file.name} cannot be downloaded to "
            "it; put the file there, or name a folder of yours in EQUIVAUG_DATA"
        ) from error
    return None


_ADVICE = "move it away to download it again"


def _wrong(file: File, identity: str) -> FetchError:
    return FetchError(f"{file.path} is not the published file: found {identity}, expected {file.identity}; {_ADVICE}")


def _unreadable(file: File, error: Exception) -> FetchError:
    reason = getattr(error, "strerror", None) or str(error)
    return FetchError(f"{file.path} cannot be read ({reason}); {_ADVICE}")
