"""What each key of Darknet's descriptions is to this reader, by section.

The keys are those that the parsers of github.com/pjreddie/darknet and
github.com/AlexeyAB/darknet ask for (``src/parser.c`` of each).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Final

from golden.config import InputError
from golden.importers.text import printable
from golden.networks.yolov3_tiny.files.cfg_text import Option, Section

HONOURED: Final[Mapping[str, tuple[str, ...]]] = {
    "net": ("width", "height", "channels", "inputs", "letter_box"),
    "convolutional": (
        *("filters", "size", "stride", "stride_x", "stride_y", "pad", "padding", "dilation"),
        *("batch_normalize", "cbn", "activation"),
    ),
    "maxpool": ("size", "stride", "stride_x", "stride_y", "padding"),
    "route": ("layers",),
    "upsample": ("stride",),
    "yolo": ("classes", "anchors", "mask", "num", "nms_kind"),
}
"""Keys that are read and used, or held against YOLOv3-tiny's layer."""
_ANY_LAYER: Final = {"dontload": 0, "dontloadscales": 0, "numload": 0}
NEUTRAL: Final[Mapping[str, Mapping[str, float]]] = {
    "net": {},
    "convolutional": {
        **{"groups": 1, "binary": 0, "xnor": 0, "bin_output": 0, "flipped": 0},
        **{"antialiasing": 0, "sway": 0, "rotate": 0, "stretch": 0, "stretch_sway": 0},
        **{"coordconv": 0, "reverse": 0, "share_index": -1_000_000_000},
        **_ANY_LAYER,
    },
    "maxpool": {"maxpool_depth": 0, "antialiasing": 0, "maxpool_zero_nonmax": 0, **_ANY_LAYER},
    "route": {"groups": 1, "group_id": 0, **_ANY_LAYER},
    "upsample": {"scale": 1, **_ANY_LAYER},
    "yolo": {"scale_x_y": 1, "new_coords": 0, "embedding_layer": 999_999, **_ANY_LAYER},
}
"""Keys that change the result, and the value at which they do not: any other is refused."""
_TRAINING: Final = (
    *("truth", "onlyforward", "dont_update", "burnin_update", "stopbackward", "train_only_bn"),
    *("dontsave", "learning_rate", "smooth", "clip"),
)
IGNORED: Final[Mapping[str, tuple[str, ...]]] = {
    "net": (
        *("batch", "subdivisions", "time_steps", "sequential_subdivisions", "dynamic_minibatch"),
        *("max_batches", "learning_rate", "learning_rate_min", "momentum", "decay", "adam", "B1"),
        *("B2", "eps", "policy", "burn_in", "power", "step", "steps", "scale", "scales"),
        *("seq_scales", "gamma", "sgdr_cycle", "sgdr_mult", "loss_scale", "ema_alpha", "clip"),
        *("angle", "aspect", "saturation", "exposure", "hue", "flip", "blur", "gaussian_noise"),
        *("mixup", "cutmix", "mosaic", "mosaic_bound", "max_crop", "min_crop", "max_ratio"),
        *("min_ratio", "center", "random", "notruth", "resize_step", "label_smooth_eps"),
        *("contrastive", "contrastive_jit_flip", "contrastive_color", "unsupervised"),
        *("adversarial_lr", "attention", "max_chart_loss", "track", "augment_speed"),
        *("try_fix_nan", "weights_reject_freq", "equidistant_point"),
        *("badlabels_rejection_percentage", "num_sigmas_reject_badlabels", "use_cuda_graph"),
        *("optimized_memory", "workspace_size_limit_MB", "show_receptive_field"),
    ),
    "convolutional": (
        *("dot", "angle", "assisted_excitation", "grad_centr", "stream"),
        *("wait_stream", *_TRAINING),
    ),
    "maxpool": ("out_channels", *_TRAINING),
    "route": ("stream", "wait_stream", *_TRAINING),
    "upsample": _TRAINING,
    "yolo": (
        *("jitter", "resize", "random", "ignore_thresh", "truth_thresh", "iou_thresh"),
        *("iou_thresh_kind", "iou_loss", "iou_normalizer", "obj_normalizer", "cls_normalizer"),
        *("delta_normalizer", "max", "max_delta", "counters_per_class", "label_smooth_eps"),
        *("objectness_smooth", "focal_loss", "map", "beta_nms", "show_details"),
        *("track_history_size", "sim_thresh", "dets_for_track", "dets_for_show"),
        *("track_ciou_norm", *_TRAINING),
    ),
}
"""Keys that change nothing where pictures are detected: training, memory, output."""


def check_keys(path: Path, section: Section, where: str) -> None:
    """Refuse what a section says that is not honoured and would change the result.

    Parameters
    ----------
    where : str
        The section's place, for messages.

    Raises
    ------
    InputError
        If a key is none of Darknet's, or has a value that this network cannot have; the
        text names line and key.
    """
    neutral = NEUTRAL[section.kind]
    known = {*HONOURED[section.kind], *neutral, *IGNORED[section.kind]}
    for key, option in section.options.items():
        if key not in known:
            raise _unknown(f"{path} line {option.line}: {where}", key, known)
        if key in neutral and option.number() != neutral[key]:
            raise InputError(
                f"{path} line {option.line}: {where}: {shown(key, option)} makes another network; "
                f"only {key}={neutral[key]} is YOLOv3-tiny's"
            )


def shown(key: str, option: Option) -> str:
    """Return ``key=value`` as a message has it."""
    return f"{key}={printable(option.text[:60])}"


def _unknown(where: str, key: str, known: Iterable[str]) -> InputError:
    close = get_close_matches(key, known, 1)
    hint = f"did you mean {close[0]}?" if close else "mend or remove the line"
    return InputError(f"{where}: {printable(key[:60])} is no key that Darknet reads here: {hint}")


def markdown() -> str:
    """The keys as a table of the docs."""
    lines = ["| section | used | refused but for | changes nothing |", "|---|---|---|---|"]
    for kind, used in HONOURED.items():
        values = [f"{key}={value}" for key, value in NEUTRAL[kind].items()]
        cells = [_words(used), _words(values) or "-", _words(sorted(IGNORED[kind]))]
        lines.append(f"| `[{kind}]` | {' | '.join(cells)} |")
    return "\n".join(lines)


def _words(texts: Iterable[str]) -> str:
    return ", ".join(f"`{text}`" for text in texts)
