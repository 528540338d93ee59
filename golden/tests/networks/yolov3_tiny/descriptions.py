"""Descriptions of YOLOv3-tiny to make variants of."""

from __future__ import annotations

ANCHORS = "anchors = 10,14,  23,27,  37,58,  81,82,  135,169,  344,319"


def description(heads: int = 75, kernel: int = 1) -> list[str]:
    """Write a description's sections, one a text."""
    classes = heads // 3 - 5

    def conv(filters: int, size: int = 3) -> str:
        return (
            f"[convolutional]\nbatch_normalize=1\nfilters={filters}\nsize={size}\n"
            "stride=1\npad=1\nactivation=leaky\n"
        )

    head = f"[convolutional]\nfilters={heads}\nsize=1\nstride=1\npad=1\nactivation=linear\n"
    yolo = f"[yolo]\nmask = 3,4,5\n{ANCHORS}\nclasses={classes}\nnum=6\n"
    sections = ["# a comment\n[net]\nwidth=416\nheight=416\nchannels=3\n"]
    for filters in (16, 32, 64, 128, 256, 512):
        sections += [conv(filters), f"[maxpool]\nsize=2\nstride={1 if filters == 512 else 2}\n"]
    sections += [conv(1024), conv(256, kernel), conv(512), head, yolo]
    sections += ["[route]\nlayers = -4\n", conv(128, 1), "[upsample]\nstride=2\n"]
    return [*sections, "[route]\nlayers = -1, 8\n", conv(256), head, yolo]
