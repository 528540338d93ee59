"""Mean average precision against figures worked out by hand."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from golden.study.detection.average_precision import Precision, Scorer
from golden.study.detection.voc import Truth
from golden.vision.boxes import Box

CLASSES = ("cat", "dog", "cow")


def box(left: float, confidence: float = 1.0, label: str = "dog") -> Box:
    return Box(label, confidence, left, 0, left + 10, 10)


def truth(left: float, label: str = "dog", difficult: bool = False) -> Truth:
    return Truth(box(left, 1.0, label), difficult)


def score(*pictures: tuple[Sequence[Box], Sequence[Truth]]) -> Precision:
    scorer = Scorer(CLASSES)
    for found, truths in pictures:
        scorer.add(found, truths)
    return scorer.result()


def test_the_truth_itself_scores_one() -> None:
    result = score(
        ([box(0, 0.9), box(30, 0.4, "cat")], [truth(0), truth(30, "cat")]),
        ([box(5, 0.8)], [truth(5)]),
    )
    assert result.map50 == pytest.approx(1, abs=1e-6)
    assert [row.label for row in result.classes] == ["cat", "dog"]


def test_two_right_and_one_wrong_between_them() -> None:
    """Precision is 1 up to recall 1/2, then 2/3: 51 and 50 of COCO's 101 recalls."""
    result = score(
        ([box(0, 0.9), box(60, 0.8)], [truth(0)]),
        ([box(0, 0.7)], [truth(2)]),
    )
    assert result.map50 == pytest.approx((51 + 50 * 2 / 3) / 101, abs=1e-6)


def test_a_missed_object_ends_the_curve() -> None:
    """Recall reaches 1/2: 51 of 101 recalls."""
    result = score(([box(0, 0.9)], [truth(0), truth(60)]))
    assert result.map50 == pytest.approx(51 / 101, abs=1e-6)


def test_the_mean_is_over_the_classes_that_are_marked() -> None:
    found = [box(0, 0.9), box(0, 0.9, "cat"), box(0, 0.9, "cow")]
    result = score((found, [truth(0), truth(60, "cat")]))
    found_of = {row.label: (row.truths, row.boxes) for row in result.classes}
    assert found_of == {"cat": (1, 1), "dog": (1, 1), "cow": (0, 1)}
    cat, dog, cow = (row.ap50 for row in result.classes)
    assert (cat, cow) == (0, None)
    assert dog == pytest.approx(1, abs=1e-6)
    assert result.map50 == pytest.approx(0.5, abs=1e-6)


@pytest.mark.parametrize(("shift", "wanted"), [(3, 1), (4, 0)])
def test_half_of_the_union_is_wanted(shift: float, wanted: float) -> None:
    result = score(([box(shift, 0.9)], [truth(0)]))
    assert result.map50 == pytest.approx(wanted, abs=1e-6)


def test_one_object_is_found_once() -> None:
    """The second box of the same object is wrong, and comes before the second object."""
    result = score(([box(0, 0.9), box(1, 0.8), box(60, 0.7)], [truth(0), truth(60)]))
    assert result.map50 == pytest.approx((51 + 50 * 2 / 3) / 101, abs=1e-6)


def test_a_difficult_object_counts_neither_way() -> None:
    hard = truth(60, difficult=True)
    for found in ([box(0, 0.8)], [box(60, 0.9), box(0, 0.8)]):
        result = score((found, [truth(0), hard]))
        assert result.map50 == pytest.approx(1, abs=1e-6)
        (row,) = result.classes
        assert (row.truths, row.difficult, row.boxes) == (1, 1, len(found))
    wrong_as_usual = score(([box(60, 0.9), box(0, 0.8)], [truth(0)]))
    assert wrong_as_usual.map50 == pytest.approx(0.5, abs=1e-6)


def test_only_difficult_objects_have_no_precision() -> None:
    result = score(([box(0, 0.8)], [truth(0, difficult=True)]))
    assert result.map50 is None
    assert result.classes[0].ap50 is None


def test_nothing_marked_has_no_mean() -> None:
    assert score(([], [])).map50 is None
    assert score().map50 is None
    assert score(([box(0, 0.8)], [])).map50 is None
    assert score(([], [truth(0)])).map50 == 0


def test_classes_that_the_network_lacks_are_counted() -> None:
    scorer = Scorer(CLASSES)
    scorer.add([box(0, 0.9)], [truth(0), truth(60, "gnu"), truth(20, "gnu"), truth(9, "emu")])
    assert scorer.unknown == {"gnu": 2, "emu": 1}
    assert scorer.result().map50 == pytest.approx(1, abs=1e-6)
