"""Files: downloaded once, from the next mirror where one is dead, refused where they are not what they should be."""

from __future__ import annotations

import dataclasses
import functools
import gzip
import http.server
import re
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.data import cache
from bench.data.cache import FetchError, File
from bench.domains.plane.data import (
    cifar10,
    fashion_mnist,
    mnist,
)
from bench.domains.plane.data import rotated_mnist as rotated
from bench.errors import UserError
from tests.data.files import (
    DEAD,
    file_of,
    gzip_file_of,
    needs_mnist,
    put,
    sha256,
)


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[[str, bytes], str]]:
    """Serve content under a mirror's name on this machine; what is returned is the mirror's address."""
    root = tmp_path / "mirrors"

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Quiet, directory=str(root)))
    thread = threading.Thread(target=functools.partial(server.serve_forever, poll_interval=0.02), daemon=True)
    thread.start()

    def publish(path: str, content: bytes) -> str:
        mirror, name = path.split("/")
        (root / mirror).mkdir(parents=True, exist_ok=True)
        (root / mirror / name).write_bytes(content)
        return f"http://127.0.0.1:{server.server_port}/{mirror}/"

    yield publish
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_good_file_is_downloaded_once(folder: Path, serve: Callable[[str, bytes], str]) -> None:
    mirror = serve("good/toy.bin", b"content")
    file = file_of(b"content", mirror)
    assert cache.fetch(file) == folder / "toy" / "toy.bin"
    assert cache.fetch(dataclasses.replace(file, mirrors=(DEAD,))).read_bytes() == b"content"


def test_the_next_mirror_is_tried_after_a_dead_a_missing_and_a_wrong_one(
    folder: Path, serve: Callable[[str, bytes], str]
) -> None:
    wrong, good = serve("wrong/toy.bin", b"virus"), serve("good/toy.bin", b"content")
    missing = good.replace("good", "nowhere")
    path = cache.fetch(file_of(b"content", DEAD, missing, wrong, good))
    assert path.read_bytes() == b"content"
    assert list(folder.rglob("*.*")) == [path]


def test_when_no_mirror_has_it_one_sentence_says_what_to_put_where(
    folder: Path, serve: Callable[[str, bytes], str]
) -> None:
    file = file_of(b"content", DEAD, serve("wrong/toy.bin", b"virus"))
    with pytest.raises(FetchError) as caught:
        cache.fetch(file)
    message = str(caught.value)
    assert "127.0.0.1:9: ConnectionError" in message
    assert "wrong checksum" in message
    assert message.endswith(f"put the file with checksum {file.checksum} at {folder / 'toy' / 'toy.bin'}")
    assert "\n" not in message
    assert not [path for path in folder.rglob("*") if path.is_file()]


def test_a_folder_that_cannot_be_made_is_named(folder: Path) -> None:
    (folder / "toy").write_text("occupied")
    with pytest.raises(FetchError, match=r"toy.*cannot be written.*EQUIVAUG_DATA"):
        cache.fetch(file_of(b"content", DEAD))


@pytest.mark.parametrize("name", ["typo", "~nobody-of-this-name/data", "file"])
def test_a_slip_in_the_variable_makes_no_folder(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("EQUIVAUG_DATA", name)
    with pytest.raises(FetchError, match=f"EQUIVAUG_DATA names {name}, where there is no folder"):
        cache.fetch(file_of(b"content", DEAD))
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


@pytest.mark.usefixtures("folder")
def test_a_local_file_with_other_content_is_refused_and_kept(serve: Callable[[str, bytes], str]) -> None:
    file = file_of(b"content", serve("good/toy.bin", b"content"))
    path = put(file, b"my own notes")
    with pytest.raises(
        FetchError, match=rf"{re.escape(str(path))} is not the published file: found sha256:.*, expected"
    ):
        cache.fetch(file)
    assert path.read_bytes() == b"my own notes"


@pytest.mark.usefixtures("folder")
def test_a_gzip_file_is_known_by_its_content_whatever_its_wrapper() -> None:
    file = gzip_file_of(b"content" * 100, DEAD)
    wrapped = gzip.compress(b"content" * 100, 1, mtime=1)
    assert sha256(wrapped) not in file.checksum
    put(file, wrapped)
    assert cache.unpack(file) == b"content" * 100
    assert cache.fetch(file) == file.path


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (gzip.compress(b"content" * 100)[:-20], "cannot be read"),
        (gzip.compress(b"content" * 100)[:-4] + b"\0\0\0\1", "cannot be read"),
        (b"plain text", "cannot be read"),
        (b"", "is not the published file"),
        (gzip.compress(b"contend" * 100), "is not the published file"),
        (gzip.compress(b"content" * 99), "is not the published file"),
        (gzip.compress(bytes(10_000_000)), "unpacks to more than the expected 700 bytes"),
    ],
    ids=["truncated", "bad length", "not gzip", "empty", "other", "short", "bomb"],
)
def test_a_broken_gzip_file_is_refused_in_one_sentence_and_kept(content: bytes, complaint: str) -> None:
    file = gzip_file_of(b"content" * 100, DEAD)
    path = put(file, content)
    for use in (cache.unpack, cache.fetch):
        with pytest.raises(FetchError, match=complaint) as caught:
            use(file)
        assert str(path) in str(caught.value)
        assert "\n" not in str(caught.value)
    assert path.read_bytes() == content


@pytest.mark.usefixtures("folder")
def test_a_gzip_bomb_is_not_unpacked() -> None:
    file = gzip_file_of(b"content", DEAD)
    put(file, gzip.compress(bytes(50_000_000)))
    tracemalloc.start()
    with pytest.raises(FetchError, match="unpacks to more than"):
        cache.unpack(file)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 5_000_000


@pytest.mark.usefixtures("folder")
@pytest.mark.parametrize("make", [file_of, gzip_file_of])
def test_a_folder_in_a_files_place_is_refused(make: Callable[..., File]) -> None:
    file = make(b"content", DEAD)
    file.path.mkdir(parents=True)
    with pytest.raises(FetchError, match="cannot be read"):
        cache.fetch(file)


def test_fetching_by_name(folder: Path, serve: Callable[[str, bytes], str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert cache.fetch_dataset("digits") == []
    monkeypatch.setattr(cifar10, "FILES", (file_of(b"content", serve("good/toy.bin", b"content")),))
    assert cache.fetch_dataset("cifar10") == [folder / "toy" / "toy.bin"]
    with pytest.raises(UserError, match="did you mean 'cifar10'"):
        cache.fetch_dataset("cifar1")


def test_without_the_variable_the_users_cache_is_the_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("EQUIVAUG_DATA", raising=False)
    assert cache.data_folder().is_absolute()
    assert "equivaug" in cache.data_folder().parts


def test_files_of_mnists_format_are_known_by_what_they_unpack_to() -> None:
    for file in (*mnist.FILES, *fashion_mnist.FILES, *rotated.FILES):
        assert len(bytes.fromhex(file.unpacked or "")) == 32
        assert file.unpacked_size in {47_040_016, 7_840_016, 60_008, 10_008}


@needs_mnist
def test_mnist_is_verified_as_it_is_read() -> None:
    assert [path.name for path in cache.fetch_dataset("mnist")] == [file.name for file in mnist.FILES]
