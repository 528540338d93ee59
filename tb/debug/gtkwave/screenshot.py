"""Opens a save file in GTKWave on a display without a screen: what it shows, and a picture.

``python -m tb.debug.gtkwave.screenshot build/debug/conv4-0/wave.gtkw picture.png``
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from PIL import Image, ImageGrab

from golden.config import InputError
from golden.files import whole_file
from tb.debug.gtkwave.layout import SIZE
from tb.toolchain.environment import child_environment
from tb.toolchain.process import running
from tb.toolchain.system_packages import command, is_there

PATIENCE: Final = 120.0
"""Seconds until GTKWave is given up."""
PAUSE: Final = 0.2
SETTINGS: Final = """fontname_signals Monospace 12
fontname_waves Monospace 11
splash_disable yes
"""
COLOURS: Final = 64
"""Of the picture: enough for GTKWave's, and a small file."""
TITLE: Final = 50
"""Rows of the window's title, which holds where the file lies on this machine."""
SCRIPT: Final = """set out [open $env(CONVPE_SHOWN) w]
puts $out [gtkwave::getMarker]
puts $out [gtkwave::getNamedMarker A]
puts $out [gtkwave::getWindowStartTime]
puts $out [gtkwave::getWindowEndTime]
for {set i 0} {$i < [gtkwave::getTotalNumTraces]} {incr i} {
    set value [gtkwave::getTraceValueAtMarkerFromIndex $i]
    puts $out "[gtkwave::getTraceNameFromIndex $i]\\t$value"
}
puts $out "."
close $out
"""
"""What GTKWave is asked; the last line says that it is the last."""


@dataclass(frozen=True, slots=True)
class Screenshot:
    """What GTKWave shows."""

    marker: int
    leaves: int
    """Times of the marker and of marker A, in the wave file's units."""
    start: int
    end: int
    """Of what is visible."""
    traces: tuple[tuple[str, str], ...]
    """Name of each row, and its value at the marker as GTKWave writes it. A group has two rows, its
    first and its last, without a value; so has a signal in a closed group.
    """
    picture: Image.Image
    """Of the whole window."""


def capture(layout: Path) -> Screenshot:
    """Open a save file in GTKWave and return what it shows.

    Raises
    ------
    InputError
        There is no such file, GTKWave or Xvfb is missing, or it does not open the file.
    """
    if not layout.is_file():
        raise InputError(f"{layout}: no such file")
    if not is_there("gtkwave"):
        raise InputError(f"GTKWave or Xvfb is missing; run: {command('gtkwave')}")
    with tempfile.TemporaryDirectory(prefix="convpe-gtkwave-") as name:
        folder = Path(name)
        (folder / "gtkwaverc").write_text(SETTINGS)
        (folder / "script.tcl").write_text(SCRIPT)
        with _display(folder) as display:
            return _capture(layout, folder, display)


@contextmanager
def _display(folder: Path) -> Iterator[str]:
    """Start an X server without a screen; yield its display."""
    reading, writing = os.pipe()
    words = ["Xvfb", "-displayfd", str(writing), "-nolisten", "tcp"]
    words += ["-screen", "0", "x".join(map(str, (*SIZE, 24)))]
    log = folder / "xvfb.log"
    try:
        with log.open("w") as file, running(words, folder, child_environment(), file, (writing,)):
            os.close(writing)
            number = os.read(reading, 16).decode().strip()  # nothing where the server has ended
            if not number:
                raise InputError(f"Xvfb does not start: {' '.join(log.read_text().split())}")
            yield f":{number}"
    finally:
        os.close(reading)


def _capture(layout: Path, folder: Path, display: str) -> Screenshot:
    answers, log = folder / "shown", folder / "gtkwave.log"
    words = ["gtkwave", "--rcfile", str(folder / "gtkwaverc")]
    words += ["--script", str(folder / "script.tcl"), str(layout.absolute())]
    shown = {"DISPLAY": display, "HOME": str(folder), "CONVPE_SHOWN": str(answers)}
    env = child_environment({**shown, "GDK_BACKEND": "x11", "NO_AT_BRIDGE": "1"})
    deadline = time.monotonic() + PATIENCE
    with log.open("w") as file, running(words, folder, env, file) as process:
        lines: list[str] = []
        while not lines or lines[-1] != ".":
            if process.poll() is not None or time.monotonic() > deadline:
                log_text = " ".join(log.read_text(errors="replace").split())
                raise InputError(f"{layout}: GTKWave does not open it: {log_text}")
            time.sleep(PAUSE)
            lines = answers.read_text().splitlines() if answers.is_file() else []
        picture = _steady_picture(display, deadline)
    marker, leaves, start, end = (int(line) for line in lines[:4])
    rows = (line.partition("\t") for line in lines[4:-1])
    traces = tuple((name, value) for name, _, value in rows)
    return Screenshot(marker, leaves, start, end, traces, picture)


def _steady_picture(display: str, deadline: float) -> Image.Image:
    """Take pictures of the display until one is like the one before."""
    before = b""
    while True:
        picture = ImageGrab.grab(xdisplay=display)
        drawn = picture.tobytes()
        if drawn == before or time.monotonic() > deadline:
            return picture
        before = drawn
        time.sleep(PAUSE)


def main(arguments: Sequence[str]) -> int:
    """Write a picture of GTKWave with a save file, less its title; 0 if that went well."""
    if len(arguments) != 2:
        sys.stderr.write("usage: python -m tb.debug.gtkwave.screenshot LAYOUT.gtkw PICTURE.png\n")
        return 2
    try:
        shown = capture(Path(arguments[0]))
        with whole_file(Path(arguments[1])) as scratch:
            picture = shown.picture.crop((0, TITLE, *SIZE)).quantize(COLOURS)
            picture.save(scratch, "PNG", optimize=True)
    except (InputError, OSError) as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
