"""Two lists of boxes held against each other, with figures worked out by hand."""

from __future__ import annotations

import json

import pytest

from golden.study.detection.matching import Agreement, match
from golden.vision.boxes import Box


def dog(left: float, confidence: float = 0.9, label: str = "dog") -> Box:
    """A box of 10 x 10 pixels: one shifted by 2 shares 8 / 12 of the union."""
    return Box(label, confidence, left, 0, left + 10, 10)


def test_boxes_pair_one_to_one_with_the_nearest() -> None:
    found, truth = [dog(2, 0.8), dog(0, 0.7), dog(50)], [dog(1), dog(49), dog(90)]
    result = match(found, truth)
    pairs = [(pair.found, pair.truth) for pair in result.pairs]
    assert len(pairs) == 2
    assert (found[2], truth[1]) in pairs
    # Both dogs at 0 and 2 share 9 / 11 with the one at 1, which has room for one of them.
    assert [pair.overlap for pair in result.pairs] == pytest.approx([9 / 11, 9 / 11])
    assert len(result.extra) == 1 and result.extra[0] in found[:2]
    assert result.missed == (truth[2],)


def test_the_nearest_pair_goes_first_however_unsure() -> None:
    near, far = dog(0, 0.31), dog(2, 0.99)
    (pair,) = match([far, near], [dog(0)]).pairs
    assert (pair.found, pair.overlap) == (near, 1)


def test_classes_do_not_mix() -> None:
    result = match([dog(0, label="cat")], [dog(0)])
    assert (result.pairs, len(result.extra), len(result.missed)) == ((), 1, 1)


@pytest.mark.parametrize(("shift", "paired"), [(3, True), (4, False)])
def test_half_of_the_union_is_shared_or_it_is_another_thing(shift: float, paired: bool) -> None:
    # 7 / 13 and 6 / 14
    assert bool(match([dog(shift)], [dog(0)]).pairs) == paired


def test_the_limit_itself_is_enough() -> None:
    whole, half = Box("dog", 1, 0, 0, 2, 1), Box("dog", 1, 0, 0, 1, 1)
    assert match([whole], [half], 0.5).pairs
    assert not match([whole], [half], 0.501).pairs


def test_figures_of_a_picture() -> None:
    found, truth = [dog(0, 0.8), dog(50, 0.5), dog(200)], [dog(0, 0.6), dog(52, 0.6)]
    figures = match(found, truth).agreement
    assert (figures.matched, figures.extra, figures.missed) == (2, 1, 0)
    assert figures.precision == pytest.approx(2 / 3)
    assert figures.recall == 1
    assert figures.f1 == pytest.approx(0.8)
    assert figures.mean_overlap == pytest.approx((1 + 8 / 12) / 2)
    assert figures.mean_change == pytest.approx((0.2 - 0.1) / 2)


def test_pictures_add_up() -> None:
    one, two = match([dog(0)], [dog(0)]), match([dog(0)], [dog(2), dog(99)])
    total = one.agreement + two.agreement
    assert (total.matched, total.extra, total.missed) == (2, 0, 1)
    assert total.mean_overlap == pytest.approx((1 + 8 / 12) / 2)


@pytest.mark.parametrize(
    ("found", "truth", "figures"),
    [
        (0, 0, (None, None, None)),
        (2, 0, (0.0, None, 0.0)),
        (0, 2, (None, 0.0, 0.0)),
    ],
)
def test_empty_lists_have_defined_answers(
    found: int, truth: int, figures: tuple[float | None, ...]
) -> None:
    result = match([dog(20 * n) for n in range(found)], [dog(20 * n) for n in range(truth)])
    agreement = result.agreement
    assert (agreement.precision, agreement.recall, agreement.f1) == figures
    assert agreement.mean_overlap is agreement.mean_change is None
    assert json.loads(json.dumps(agreement.to_dict(), allow_nan=False))["f1"] == figures[2]


def test_a_list_against_itself_is_perfect() -> None:
    boxes = [dog(4 * n, n / 10, label) for n in range(9) for label in ("dog", "cat")]
    assert match(boxes, boxes).agreement == Agreement(18, 0, 0, 18.0, 0.0)
