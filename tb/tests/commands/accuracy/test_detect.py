"""``convpe detect`` and ``convpe map``: what a user gets, and what is said of bad input."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from golden.config import ConfigError, InputError
from golden.networks.yolov3_tiny.files.fetch import model_files
from golden.tests.study.detection.voc_folders import annotation, voc_folder
from golden.vision.boxes import Box
from golden.vision.images import default_image, load, shipped
from tb.tests.commands.commands import run

SMALL = ("--size", "160", "--retune", "none")


pytestmark = pytest.mark.usefixtures("official")


def test_networks_stand_side_by_side(tmp_path: Path) -> None:
    found, drawing = tmp_path / "found.json", tmp_path / "new" / "boxes.jpg"
    runs = ("--run", "q7.8:full", "--run", "q7.8:cut_floor", "--run", "teacher")
    output = run("detect", *SMALL, *runs, "--json", found, "--out", drawing)
    document = json.loads(found.read_text())
    names = ["float", "q7.8:full", "q7.8:cut_floor", "teacher"]
    assert [run["name"] for run in document["runs"]] == names
    reference, rounded, destroyed, _ = document["runs"]
    assert reference["boxes"] >= 1
    assert rounded["against_first"]["true_positives"] >= 1
    assert destroyed["boxes"] > 50
    assert destroyed["against_first"]["precision"] < 0.1
    (listed,) = document["boxes"].values()
    assert list(listed) == names
    best = listed["float"]["boxes"][0]
    assert (best["label"], best["overlap_with_first"]) == ("motorbike", 1)
    assert listed["q7.8:cut_floor"]["count"] == destroyed["boxes"]
    assert (document["slope"], document["retune_sha256"]) == ("1/8", None)
    assert document["weights_sha256"] == model_files().sha256
    for words in (*names, "motorbike", "slope 1/8: not retuned", f"drawn in {drawing}"):
        assert words in output
    assert max(len(line) for line in output.splitlines() if str(tmp_path) not in line) <= 80
    with Image.open(drawing) as image:
        assert image.format == "JPEG"
        assert image.width > 3 * 480


def test_a_folder_gives_totals_and_names_what_it_skips(tmp_path: Path) -> None:
    folder, found = tmp_path / "in", tmp_path / "found.json"
    folder.mkdir()
    load(default_image()).save(folder / "a.png")
    load(shipped("camera.png")).convert("L").save(folder / "b.jpg")
    (folder / "c.png").write_bytes(b"no picture")
    Image.new("RGB", (1, 1)).save(folder / "d.png")
    out = ("--json", found, "--out", tmp_path / "out")
    output = run("detect", "--images", folder, *SMALL, "--run", "weights:q7.8", *out)
    document = json.loads(found.read_text())
    assert list(document["boxes"]) == ["a.png", "b.jpg", "d.png"]
    assert list(document["pictures"]["unreadable"]) == ["c.png"]
    for ran in document["runs"]:
        counts = [listed[ran["name"]]["count"] for listed in document["boxes"].values()]
        assert sum(counts) == ran["boxes"]
    assert "Boxes of 3 pictures" in output
    assert "c.png: not a picture" in output
    drawn = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert drawn == ["boxes_a.png", "boxes_b.jpg.png", "boxes_d.png"]
    assert sorted(path.name for path in folder.iterdir()) == ["a.png", "b.jpg", "c.png", "d.png"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--run", "q7.9:full"), "q7.9:full: choose float, teacher"),
        (("--run", "per_layer:cut_floor"), "mode cut_floor is defined for format q7.8 only"),
        (("--size", "100"), "SIZE=100: give a multiple of 32"),
        (("--fit", "crop"), "fit crop: choose letterbox or plain"),
        (("--views", "2", "--images", "there"), "give one of a picture, --images and --views"),
        (("there.png",), "there.png: no such picture"),
        (("--images", "there"), "there: No such file or directory"),
        (("--out", "boxes.text"), "no picture format has that ending"),
    ],
)
def test_an_impossible_request_is_one_line(
    arguments: tuple[str, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((ConfigError, InputError), match=message) as error:
        run("detect", *arguments)
    assert "\n" not in str(error.value)
    assert not any(tmp_path.iterdir())


def test_a_terminal_shows_one_line_and_the_exit_code() -> None:
    start = "import sys; from tb.cli import main; sys.argv[0] = 'convpe'; main()"
    command = [sys.executable, "-c", start, "detect", "--run", "q7.9:full"]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert ended.returncode == 2
    assert ended.stderr.startswith("convpe: q7.9:full: choose float, teacher, weights:FORMAT")
    assert ended.stderr.count("\n") == 1


def test_a_full_disk_leaves_no_half_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: Image.Image, file: Any, **options: Any) -> None:
        file.write(b"half a picture")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Image.Image, "save", full)
    with pytest.raises(OSError, match="No space left"):
        run("detect", *SMALL, "--run", "none", "--out", tmp_path / "boxes.png")
    assert not any(tmp_path.iterdir())


def test_the_users_picture_is_never_replaced(tmp_path: Path) -> None:
    mine = tmp_path / "boxes_a.png"
    load(default_image()).save(mine)
    before = mine.read_bytes()
    with pytest.raises(InputError, match=r"boxes_a\.png: it is one of the pictures"):
        run("detect", mine, "--out", mine)
    (tmp_path / "a.png").write_bytes(before)
    with pytest.raises(InputError, match=r"boxes_a\.png: it is one of the pictures"):
        run("detect", "--images", tmp_path, *SMALL, "--run", "none", "--out", tmp_path)
    assert mine.read_bytes() == before


# Mean average precision


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[Box]]:
    """What the float network sees on two shipped photographs, at full size."""
    found = tmp_path_factory.mktemp("seen") / "found.json"
    folder = pictures(found.parent / "in")
    out = ("--json", found, "--run", "none", "--retune", "none")
    run("detect", "--images", folder / "JPEGImages", *out)
    return {
        name.removesuffix(".png"): [
            Box(box["label"], 1.0, *box["box"]) for box in listed["float"]["boxes"]
        ]
        for name, listed in json.loads(found.read_text())["boxes"].items()
    }


def pictures(path: Path, boxes: dict[str, list[Box]] | None = None) -> Path:
    """A VOC folder of two photographs."""
    images = {"camera": load(shipped("camera.png")), "cycle": load(default_image())}
    return voc_folder(path, images, boxes or {"camera": [], "cycle": []})


def mean_precision(folder: Path, *arguments: str | Path) -> tuple[dict[str, Any], str]:
    found = folder / "found.json"
    output = run("map", folder, "--retune", "none", "--json", found, *arguments)
    return json.loads(found.read_text()), output


def test_what_the_network_sees_is_the_truth_for_itself(
    seen: dict[str, list[Box]], tmp_path: Path
) -> None:
    document, output = mean_precision(pictures(tmp_path / "voc", seen), "--run", "q7.8:cut_floor")
    labels = {box.label for boxes in seen.values() for box in boxes}
    whole, destroyed = document["runs"]
    assert "motorbike" in labels and len(labels) > 1
    assert whole["map50"] == pytest.approx(1, abs=1e-6)
    assert {row["label"]: row["ap50"] for row in whole["classes"] if row["truths"]} == (
        dict.fromkeys(labels, pytest.approx(1, abs=1e-6))
    )
    assert destroyed["map50"] < 0.2
    assert document["pictures"] == 2
    for words in ("motorbike", "cut_floor", "1.000", "candidates; the best 1,000"):
        assert words in output


def test_a_truth_that_is_shifted_or_of_another_class_scores_lower(
    seen: dict[str, list[Box]], tmp_path: Path
) -> None:
    boxes = dict(seen)
    best, *others = boxes["cycle"]
    assert len(others) == 2 and {box.label for box in others} == {best.label}
    # Recall ends at 1/3 where two of three motorbikes lie elsewhere: 34 of 101 recalls.
    boxes["cycle"] = [best, *(replace(box, top=450, bottom=490) for box in others)]
    # The person is a cow here: nothing finds it, and what is found has no truth.
    boxes["camera"] = [replace(box, label="cow") for box in boxes["camera"]]
    document, _ = mean_precision(
        pictures(tmp_path / "voc", boxes), "--run", "none", "--confidence", "0.3"
    )
    (run,) = document["runs"]
    rows = {row["label"]: row["ap50"] for row in run["classes"]}
    assert rows["motorbike"] == pytest.approx(34 / 101, abs=1e-6)
    assert (rows["cow"], rows["person"]) == (0, None)
    assert run["map50"] == pytest.approx(17 / 101, abs=1e-6)


def test_what_cannot_be_used_is_counted_and_named(tmp_path: Path) -> None:
    gnus = [Box("gnu", 1, 0, 0, 9, 9), Box("gnu", 1, 5, 5, 9, 9), Box("person", 1, 600, 0, 610, 9)]
    folder = pictures(tmp_path / "voc", {"camera": gnus, "cycle": []})
    marks = folder / "Annotations"
    (marks / "ghost.xml").write_text(annotation((4, 4), []), encoding="utf-8")
    (marks / "cycle.xml").write_text("<annotation>", encoding="utf-8")
    document, output = mean_precision(folder, *SMALL, "--run", "none")
    assert sorted(document["skipped"]) == ["cycle", "ghost"]
    assert document["unknown_classes"] == {"gnu": 2}
    assert document["runs"][0]["map50"] is None
    assert len(document["objects_dropped"]) == 1
    flat = " ".join(output.split())
    for words in (
        *("2 pictures skipped:", "ghost.xml: no picture ghost", "cycle.xml: the annotation"),
        *("1 objects left out:", "2 objects of classes that the network lacks: gnu (2)"),
    ):
        assert words in flat


def test_a_folder_of_another_kind_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no folder JPEGImages is in it; a VOC folder has"):
        run("map", tmp_path)
    folder = pictures(tmp_path / "voc")
    with pytest.raises(InputError, match="no set val; there is none"):
        run("map", folder, "--set", "val")
