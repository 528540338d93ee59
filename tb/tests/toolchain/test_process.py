"""Nothing that we start outlives us."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

from tb.toolchain.process import running


def test_what_still_runs_ends_with_the_block(tmp_path: Path) -> None:
    with running(["sleep", "600"], tmp_path, os.environ) as process:
        assert process.poll() is None
    assert process.poll() == -signal.SIGTERM


def test_it_ends_when_the_block_fails_too(tmp_path: Path) -> None:
    with (
        pytest.raises(ValueError, match="on purpose"),
        running(["sleep", "600"], tmp_path, os.environ) as process,
    ):
        raise ValueError("on purpose")
    assert process.poll() == -signal.SIGTERM


def test_an_open_file_is_inherited(tmp_path: Path) -> None:
    reading, writing = os.pipe()
    words = [sys.executable, "-c", f"import os; os.write({writing}, b'hello')"]
    with running(words, tmp_path, os.environ, pass_fds=(writing,)) as process:
        assert process.wait() == 0
    os.close(writing)
    assert os.read(reading, 100) == b"hello"
    os.close(reading)
