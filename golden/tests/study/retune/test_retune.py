"""Tuning to another slope: the patch, the closed form, and distilling."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file

from golden.arithmetic.fixed import FloatArray
from golden.arithmetic.numerics import NumericOptions
from golden.config import ConfigError, InputError, Slope
from golden.graph.float_conv import FloatConv
from golden.graph.float_graph import FloatNetwork
from golden.networks.yolov3_tiny.files.fetch import (
    OFFICIAL_SHA256,
    WEIGHTS,
    ModelFiles,
    model_files,
)
from golden.networks.yolov3_tiny.files.reading import class_names, read_convs, read_network
from golden.networks.yolov3_tiny.files.saving import write_folded
from golden.networks.yolov3_tiny.files.shaping import file_network
from golden.networks.yolov3_tiny.graph import HEADS, TRAINED_SLOPE
from golden.networks.yolov3_tiny.retune_patch import (
    SHIPPED,
    Patch,
    fitting,
    read_patch,
    tune,
    write_patch,
)
from golden.reference import float_model
from golden.study.retune import checkpoint
from golden.study.retune.closed_form import closed_form
from golden.study.retune.distillation import Distillation, Recipe, What, distil, head_loss
from golden.study.retune.evaluation import (
    HELD_OUT,
    TUNED_ON,
    check_apart,
    evaluate,
    readable,
    run_teacher,
)
from golden.vision.datasets import Views
from golden.vision.images import Pixels, preprocess, shipped

OPTIONS = NumericOptions()
SIZE = 64
EIGHTH = 1 / 8
ABOUT = {"weights_sha256": "a" * 64, "slope": "1/8"}
OFFICIAL = OFFICIAL_SHA256[WEIGHTS]


@pytest.fixture(scope="module")
def network(files: ModelFiles) -> FloatNetwork:
    """The official network, untuned, with all of its classes."""
    convs = read_convs(files, OPTIONS, None)
    return file_network(convs, OPTIONS.pool_pad, class_names(files, convs))


@pytest.fixture(scope="module")
def images() -> list[Pixels]:
    """A few small views of pictures that networks are tuned on."""
    views = Views(6, 1, tuple(map(shipped, TUNED_ON[:6])))
    return [preprocess(shown.image, SIZE) for shown in views]


@pytest.fixture(scope="module")
def tuned(network: FloatNetwork, images: list[Pixels]) -> Patch:
    """The closed form on these views."""
    return closed_form(network, images, EIGHTH, dict(ABOUT))


@pytest.fixture(scope="module")
def narrow(network: FloatNetwork) -> FloatNetwork:
    """An eighth of the channels of every layer but the heads: quick to distil."""
    convs = {}
    for name, conv in network.convs.items():
        outputs, inputs = conv.weight.shape[:2]
        kept = outputs if name in HEADS else outputs // 8
        weight = conv.weight[:kept, : 3 if inputs == 3 else inputs // 8]
        convs[name] = FloatConv(name, weight.copy(), conv.bias[:kept].copy())
    return replace(network, convs=convs)


@pytest.fixture(scope="module")
def begun(narrow: FloatNetwork, images: list[Pixels]) -> Patch:
    """The closed form of the narrow network."""
    return closed_form(narrow, images[:2], EIGHTH, dict(ABOUT))


def small_patch(**about: str) -> Patch:
    scale = {"conv1": np.array([1.0, 0.5]), "pred_1": np.array([0.25])}
    shift = {"conv1": np.array([0.0, -1.0]), "pred_1": np.array([2.0])}
    return Patch(scale, shift, {**ABOUT, **about})


def small_convs() -> dict[str, FloatConv]:
    return {
        "conv1": FloatConv("conv1", np.full((2, 3, 1, 1), 4.0), np.array([8.0, 16.0])),
        "pred_1": FloatConv("pred_1", np.full((1, 2, 1, 1), 4.0), np.array([8.0])),
    }


# The patch


def test_a_patch_scales_weight_and_bias_and_then_shifts_the_bias() -> None:
    tuned = small_patch().apply(small_convs())
    assert tuned["conv1"].weight[:, 0, 0, 0].tolist() == [4, 2]
    assert tuned["conv1"].bias.tolist() == [8, 7]
    assert tuned["pred_1"].bias.tolist() == [4]


def test_a_patch_is_read_as_it_was_written_and_always_to_the_same_bytes(tmp_path: Path) -> None:
    one, two = tmp_path / "one.safetensors", tmp_path / "two.safetensors"
    for path in (one, two):
        write_patch(path, small_patch(method="by hand"))
    assert one.read_bytes() == two.read_bytes()
    again = read_patch(one)
    assert again.about == {**ABOUT, "method": "by hand"}
    assert again.numbers == 6
    for name, scale in small_patch().scale.items():
        assert np.array_equal(again.scale[name], scale)
        assert np.array_equal(again.shift[name], small_patch().shift[name])


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-3])


def poison(path: Path) -> None:
    patch = read_patch(path)
    tensors = {f"{name}.scale": patch.scale[name].astype("<f4") for name in patch.scale}
    tensors |= {f"{name}.shift": patch.shift[name].astype("<f4") for name in patch.shift}
    tensors["conv1.shift"][1] = np.nan
    save_file(tensors, path, {"about": '{"weights_sha256": "a", "slope": "1/8"}'})


def another(path: Path) -> None:
    save_file({"conv1.convs.0.weight": np.ones(3, np.float32)}, path)


def half(path: Path) -> None:
    about = {"about": '{"weights_sha256": "a", "slope": "1/8"}'}
    save_file({"conv1.scale": np.ones(3, np.float32)}, path, about)


def unknown(path: Path) -> None:
    tensors = {f"conv1.{kind}": np.ones(3, np.float32) for kind in ("scale", "shift")}
    save_file(tensors, path, {"about": "[1, 2"})


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


@pytest.mark.parametrize(
    ("damage", "text"),
    [
        (truncate, "cannot be read"),
        (poison, r"conv1.shift\[1\] is nan"),
        (another, "no part of a retuning patch"),
        (half, "conv1 has a scale or a shift, but not both"),
        (unknown, "Expecting"),
        (Path.unlink, "no such retuning patch"),
        (folder, "cannot be read"),
    ],
)
def test_a_damaged_patch_is_one_clear_line(
    tmp_path: Path, damage: Callable[[Path], None], text: str
) -> None:
    path = tmp_path / "patch.safetensors"
    write_patch(path, small_patch())
    damage(path)
    with pytest.raises(InputError, match=text) as caught:
        read_patch(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_patch_of_another_network_names_the_convolution(tmp_path: Path) -> None:
    path = tmp_path / "patch.safetensors"
    write_patch(path, small_patch())
    convs = small_convs()
    with pytest.raises(InputError, match="conv2 is in the patch or in the model"):
        tune({**convs, "conv2": convs["conv1"]}, path)
    convs["pred_1"] = convs["conv1"]
    with pytest.raises(InputError, match="pred_1: the patch has 1 channels, the model 2"):
        tune(convs, path)


def test_a_patch_runs_with_its_own_weights_and_slope_alone(tmp_path: Path) -> None:
    path = tmp_path / "patch.safetensors"
    write_patch(path, small_patch())
    assert fitting(path, "a" * 64, Slope.EIGHTH) == path
    with pytest.raises(InputError, match="belongs to weights of sha256 aaaaaaaaaaaa"):
        fitting(path, "b" * 64, Slope.EIGHTH)
    with pytest.raises(ConfigError, match="for slope 1/8, not 13/128"):
        fitting(path, "a" * 64, Slope.THIRTEEN_128THS)
    assert fitting(None, "a" * 64, Slope.EIGHTH) is None


def test_the_patch_that_ships_fits_the_official_weights_at_an_eighth_alone() -> None:
    assert fitting("shipped", OFFICIAL, Slope.EIGHTH) == SHIPPED
    assert fitting("shipped", OFFICIAL, Slope.THIRTEEN_128THS) is None
    assert fitting("shipped", "b" * 64, Slope.EIGHTH) is None
    assert read_patch(SHIPPED).numbers == 7388
    assert SHIPPED.stat().st_size < 35_000


def test_the_patch_that_ships_says_where_it_comes_from() -> None:
    about = read_patch(SHIPPED).about
    assert about["weights_sha256"] == OFFICIAL
    assert set(about["judged_on"]["files"]) == set(HELD_OUT)
    assert not set(about["tuned_on"]["files"]) & set(HELD_OUT)
    assert about["judged"]["head_snr_db"] > 28
    assert about["date"] and about["commit"] and about["versions"]["torch"]


def test_the_network_is_tuned_unless_told_not_to(files: ModelFiles) -> None:
    plain, default = read_network(files, OPTIONS, None), read_network(files, OPTIONS)
    scale = read_patch(SHIPPED).scale["conv1"]
    ratio = default.convs["conv1"].weight / plain.convs["conv1"].weight
    assert np.allclose(ratio, scale[:, None, None, None])
    other = replace(OPTIONS, slope=Slope.THIRTEEN_128THS)
    same = read_network(files, other).convs["conv1"].weight
    assert np.array_equal(same, plain.convs["conv1"].weight)


def test_the_patch_that_ships_brings_the_network_close_to_its_teacher(
    network: FloatNetwork,
) -> None:
    outputs = run_teacher(network, Views(3, 11, tuple(map(shipped, HELD_OUT))), 224)
    better = replace(network, convs=read_patch(SHIPPED).apply(network.convs))
    before, after = evaluate(network, EIGHTH, outputs), evaluate(better, EIGHTH, outputs)
    assert before.snr is not None and after.snr is not None
    assert after.snr > before.snr + 8


# The closed form


def moments(network: FloatNetwork, slope: float, images: list[Pixels]) -> dict[str, FloatArray]:
    """Mean and deviation ahead of each activation, the leaky rectifier undone."""
    runs = [float_model.run(network, image, slope, torch.float64) for image in images]
    found = {}
    for name in network.convs:
        stacked = np.stack([run[name] for run in runs])
        if name not in HEADS:
            stacked = np.where(stacked < 0, stacked / slope, stacked)
        found[name] = np.stack((stacked.mean((0, 2, 3)), stacked.std((0, 2, 3))))
    return found


def test_closed_form_gives_every_channel_its_teachers_mean_and_deviation(
    network: FloatNetwork, images: list[Pixels], tuned: Patch
) -> None:
    wanted = moments(network, TRAINED_SLOPE, images)
    found = moments(replace(network, convs=tuned.apply(network.convs)), EIGHTH, images)
    untuned = moments(network, EIGHTH, images)
    for name in network.convs:
        assert np.allclose(found[name], wanted[name], rtol=1e-4, atol=1e-4), name
    assert not np.allclose(untuned["conv7"], wanted["conv7"], rtol=1e-2, atol=1e-2)


def test_closed_form_at_the_slope_that_was_trained_changes_nothing(
    network: FloatNetwork, images: list[Pixels]
) -> None:
    patch = closed_form(network, images[:2], TRAINED_SLOPE, dict(ABOUT))
    for name, scale in patch.scale.items():
        assert np.allclose(scale, 1, atol=1e-4), name
        assert np.allclose(patch.shift[name], 0, atol=1e-3), name


def test_closed_form_of_no_picture_is_refused(network: FloatNetwork) -> None:
    with pytest.raises(InputError, match="no picture to tune on"):
        closed_form(network, [], EIGHTH, dict(ABOUT))


def test_a_file_network_says_what_the_hardware_network_says(
    network: FloatNetwork, files: ModelFiles, images: list[Pixels]
) -> None:
    hardware = read_network(files, OPTIONS, None)
    mine = float_model.run(network, images[0], TRAINED_SLOPE)
    theirs = float_model.run(hardware, images[0], TRAINED_SLOPE)
    assert len(network.classes) == 80
    for head in HEADS:
        every = mine[head].reshape(3, 85, *mine[head].shape[1:])
        kept = theirs[head].reshape(3, 25, *theirs[head].shape[1:])
        assert np.allclose(every[:, :5], kept[:, :5], atol=1e-4)
        person = 5 + network.classes.index("person")
        assert np.allclose(
            every[:, person], kept[:, 5 + hardware.classes.index("person")], atol=1e-4
        )


# The judge


def test_the_teacher_agrees_with_itself(network: FloatNetwork) -> None:
    outputs = run_teacher(network, Views(2, 1, tuple(map(shipped, HELD_OUT))), 416)
    verdict = evaluate(network, TRAINED_SLOPE, outputs)
    assert verdict.snr is None
    assert verdict.to_dict()["teacher_boxes"] > 0
    assert (verdict.agreement.extra, verdict.agreement.missed) == (0, 0)


def test_the_judge_measures_noise_that_is_put_in(network: FloatNetwork) -> None:
    outputs = run_teacher(network, Views(1, 1, tuple(map(shipped, HELD_OUT))), 96)
    louder = dict(network.convs)
    for head in HEADS:
        conv = louder[head]
        louder[head] = FloatConv(head, conv.weight * 1.01, conv.bias * 1.01)
    verdict = evaluate(replace(network, convs=louder), TRAINED_SLOPE, outputs)
    assert verdict.snr == pytest.approx(40, abs=0.01)


# Material


def test_nothing_is_tuned_on_what_is_judged() -> None:
    assert not set(HELD_OUT) & set(TUNED_ON)
    with pytest.raises(ConfigError, match="the network is tuned on it"):
        check_apart(tuple(map(shipped, TUNED_ON)), tuple(map(shipped, TUNED_ON[3:4])))


def test_a_folder_names_what_cannot_be_read(tmp_path: Path) -> None:
    good = shipped(TUNED_ON[0])
    (tmp_path / good.name).write_bytes(good.read_bytes())
    (tmp_path / "torn.png").write_bytes(good.read_bytes()[:100])
    paths, skipped = readable(tmp_path)
    assert [path.name for path in paths] == [good.name]
    assert list(skipped) == ["torn.png"]


def test_an_empty_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no picture is in this folder"):
        readable(tmp_path)


# Distilling


def distillation(network: FloatNetwork, start: Patch, what: What, **fields: object) -> Distillation:
    paths = tuple(map(shipped, TUNED_ON[:3]))
    names = tuple(path.name for path in paths)
    recipe = Recipe(what.value, OFFICIAL, EIGHTH, names, 1, SIZE, 1, 1e-4)
    return Distillation(network, start, paths, replace(recipe, **fields))  # type: ignore[arg-type]


def up_to(steps: int) -> Callable[[Distillation], float]:
    """All is done after so many steps."""
    return lambda run: run.steps / steps


def test_distilling_lowers_the_loss(narrow: FloatNetwork, begun: Patch) -> None:
    run = distillation(narrow, begun, What.SCALE_AND_BIAS, learning_rate=1e-3)
    run.paths = run.paths[:1]
    first = run.step(0)
    for _ in range(8):
        run.losses.clear()  # the same view again
        last = run.step(0)
    assert last < 0.9 * first


def test_nothing_but_the_tuned_numbers_changes(narrow: FloatNetwork, begun: Patch) -> None:
    before = narrow.convs["conv3"].weight.copy()
    run = distillation(narrow, begun, What.SCALE_AND_BIAS)
    run.step(0)
    after = run.convs()["conv3"].weight
    ratio = after / before
    assert np.array_equal(narrow.convs["conv3"].weight, before)
    assert np.allclose(ratio, ratio[:, :1, :1, :1])
    assert not np.array_equal(run.patch(dict(ABOUT)).scale["conv3"], begun.scale["conv3"])


@pytest.mark.parametrize("what", What)
def test_a_resumed_distillation_ends_at_the_same_numbers(
    narrow: FloatNetwork, begun: Patch, tmp_path: Path, what: What
) -> None:
    whole = distillation(narrow, begun, what)
    assert distil(whole, up_to(4))
    first = distillation(narrow, begun, what)
    assert not distil(first, up_to(4), lambda run: run.steps < 2)
    checkpoint.save_checkpoint(tmp_path / "run.checkpoint", first)
    second = distillation(narrow, begun, what)
    checkpoint.resume(tmp_path / "run.checkpoint", second)
    assert second.steps == 2
    distil(second, up_to(4))
    assert second.losses == whole.losses
    for name, conv in whole.convs().items():
        assert np.array_equal(second.convs()[name].weight, conv.weight), name
        assert np.array_equal(second.convs()[name].bias, conv.bias), name


def test_a_checkpoint_of_another_run_is_refused(
    narrow: FloatNetwork, begun: Patch, tmp_path: Path
) -> None:
    path = tmp_path / "run.checkpoint"
    run = distillation(narrow, begun, What.SCALE_AND_BIAS)
    run.step(0)
    checkpoint.save_checkpoint(path, run)
    for field, value in {"seed": 2, "weights_sha256": "b" * 64, "files": ("a.png",)}.items():
        other = distillation(narrow, begun, What.SCALE_AND_BIAS, **{field: value})
        with pytest.raises(InputError, match=f"of another run: its {field} is"):
            checkpoint.resume(path, other)


def test_a_damaged_checkpoint_is_refused(
    narrow: FloatNetwork, begun: Patch, tmp_path: Path
) -> None:
    path = tmp_path / "run.checkpoint"
    run = distillation(narrow, begun, What.SCALE_AND_BIAS)
    with torch.no_grad():
        run.tuned["conv4"][0][5] = torch.nan
    checkpoint.save_checkpoint(path, run)
    with pytest.raises(InputError, match=r"conv4.first holds a NaN"):
        checkpoint.resume(path, run)
    truncate(path)
    with pytest.raises(InputError, match="cannot be read"):
        checkpoint.resume(path, run)
    write_patch(path, small_patch())
    with pytest.raises(InputError, match="no checkpoint of convpe retune"):
        checkpoint.resume(path, run)
    with pytest.raises(InputError, match="no such checkpoint"):
        checkpoint.resume(tmp_path / "none", run)


def test_a_loss_that_explodes_ends_with_advice(narrow: FloatNetwork, begun: Patch) -> None:
    run = distillation(narrow, begun, What.SCALE_AND_BIAS)
    with torch.no_grad():
        run.tuned["conv1"][0].fill_(torch.inf)
    with pytest.raises(InputError, match="step 1: the loss is nan: give a smaller"):
        run.step(0)


def test_the_loss_counts_cells_with_objects_more() -> None:
    wanted = {head: torch.zeros(255, 1, 2) for head in HEADS}
    for head in HEADS:
        wanted[head][4::85, 0, 0], wanted[head][4::85, 0, 1] = 20, -20
    found = {head: tensor.clone() for head, tensor in wanted.items()}
    found["pred_1"][0, 0, 0] += 1
    object_error = head_loss(found, wanted).item()
    found["pred_1"][0, 0] -= torch.tensor([1.0, 1.0])
    assert object_error == pytest.approx(21 * head_loss(found, wanted).item(), rel=1e-5)


@pytest.mark.parametrize("ending", [".safetensors", ".pth"])
def test_a_model_whose_every_weight_was_tuned_is_read_again(
    network: FloatNetwork, tmp_path: Path, ending: str
) -> None:
    path = tmp_path / f"model{ending}"
    write_folded(path, network.convs)
    again = read_convs(model_files(path), OPTIONS)
    assert set(again) == set(network.convs)
    for name, conv in network.convs.items():
        assert np.array_equal(again[name].weight, conv.weight.astype(np.float32)), name
        assert np.array_equal(again[name].bias, conv.bias.astype(np.float32)), name
