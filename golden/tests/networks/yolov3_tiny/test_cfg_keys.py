"""Every key that Darknet's parsers read is honoured, changes nothing, or is refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from golden.config import InputError
from golden.networks.yolov3_tiny.description import Description
from golden.networks.yolov3_tiny.files.cfg import read_description
from golden.networks.yolov3_tiny.files.cfg_keys import HONOURED, IGNORED, NEUTRAL
from golden.tests.networks.yolov3_tiny.descriptions import description

_LAYER = """
clip onlyforward dont_update burnin_update stopbackward train_only_bn dontload dontloadscales
learning_rate truth dontsave numload smooth
"""
FORMAT = {
    "net": """
        max_batches batch learning_rate learning_rate_min sgdr_cycle sgdr_mult momentum decay
        subdivisions time_steps track augment_speed sequential_subdivisions try_fix_nan
        weights_reject_freq equidistant_point badlabels_rejection_percentage
        num_sigmas_reject_badlabels ema_alpha use_cuda_graph loss_scale dynamic_minibatch
        optimized_memory workspace_size_limit_MB adam B1 B2 eps height width channels inputs
        max_crop min_crop flip blur gaussian_noise mixup cutmix mosaic letter_box mosaic_bound
        contrastive contrastive_jit_flip contrastive_color unsupervised label_smooth_eps
        resize_step attention adversarial_lr max_chart_loss angle aspect saturation exposure hue
        power policy burn_in step scale steps scales seq_scales gamma show_receptive_field
        notruth random max_ratio min_ratio center clip
        """,
    "convolutional": f"""
        filters groups size stride_x stride_y stride dilation antialiasing pad padding activation
        assisted_excitation share_index batch_normalize cbn binary xnor bin_output sway rotate
        stretch stretch_sway flipped dot angle grad_centr reverse coordconv stream wait_stream
        {_LAYER}
        """,
    "maxpool": f"""
        stride stride_x stride_y size padding maxpool_depth out_channels antialiasing
        maxpool_zero_nonmax {_LAYER}
        """,
    "route": f"layers groups group_id stream wait_stream {_LAYER}",
    "upsample": f"stride scale {_LAYER}",
    "yolo": f"""
        classes num mask max show_details max_delta counters_per_class label_smooth_eps scale_x_y
        objectness_smooth new_coords iou_normalizer obj_normalizer cls_normalizer
        delta_normalizer iou_loss iou_thresh_kind beta_nms nms_kind jitter resize focal_loss
        ignore_thresh truth_thresh iou_thresh random track_history_size sim_thresh
        dets_for_track dets_for_show track_ciou_norm embedding_layer map anchors {_LAYER}
        """,
}
"""What the parsers ask for: ``parse_net_options``, ``parse_convolutional`` and so on, and for
every layer ``parse_network_cfg``, in ``src/parser.c`` of github.com/AlexeyAB/darknet and
github.com/pjreddie/darknet."""
ANY_BUT_ZERO = ("pad", "letter_box", "batch_normalize")
OVERRULED = ("padding", "cbn")
"""By ``pad`` and ``batch_normalize``, which every convolution here has."""
PLACES = {"net": 0, "convolutional": 1, "maxpool": 2, "yolo": 17, "route": 18, "upsample": 20}
KEYS = [(kind, key) for kind, keys in FORMAT.items() for key in keys.split()]
ODD = "17.5"
"""A value that no key of this network has."""


def with_key(tmp_path: Path, kind: str, key: str, value: object) -> Path:
    """A description with a key in the first section of a kind, ahead of its others."""
    sections = description()
    head, _, rest = sections[PLACES[kind]].partition("]\n")
    sections[PLACES[kind]] = f"{head}]\n{key}={value}\n{rest}"
    path = tmp_path / "tiny.cfg"
    path.write_text("\n".join(sections))
    return path


@pytest.mark.parametrize("kind", FORMAT)
def test_the_table_has_the_format_s_keys_once(kind: str) -> None:
    table = [*HONOURED[kind], *NEUTRAL[kind], *IGNORED[kind]]
    assert sorted(table) == sorted(FORMAT[kind].split())


@pytest.mark.parametrize(("kind", "key"), KEYS)
def test_every_key_is_honoured_or_harmless_or_refused(kind: str, key: str, tmp_path: Path) -> None:
    usual = read_description(with_key(tmp_path, kind, "learning_rate", 1))
    path = with_key(tmp_path, kind, key, ODD)
    if key in IGNORED[kind] or (kind == "convolutional" and key in OVERRULED):
        assert read_description(path) == usual
    elif key in ANY_BUT_ZERO:
        assert read_description(path) == usual
        assert_differs(with_key(tmp_path, kind, key, 0), usual)
    elif key == "num":
        assert read_description(path) == usual, "more anchors than the masks choose"
        assert_differs(with_key(tmp_path, kind, key, 2), usual)
    else:
        assert_differs(path, usual)
    if key in NEUTRAL[kind]:
        assert read_description(with_key(tmp_path, kind, key, NEUTRAL[kind][key])) == usual


def assert_differs(path: Path, usual: Description) -> None:
    """The description is refused by line, or says something else."""
    try:
        assert read_description(path) != usual
    except InputError as error:
        assert " line " in str(error)
