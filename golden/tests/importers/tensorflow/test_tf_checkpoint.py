"""A checkpoint that TensorFlow wrote is read to the bit, and a damaged one named."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import google_crc32c
import numpy as np
import pytest

from golden.config import InputError
from golden.importers.tensorflow.checkpoint import is_tf_checkpoint, read_tf_checkpoint
from golden.importers.tensorflow.table import TableError, masked, read_index
from golden.tests.networks.facenet import facenet_narrow
from golden.tests.networks.facenet.facenet_narrow import BETA, DATA, INDEX, PREFIX, copy, file, flip


def test_every_tensor_is_what_tensorflow_wrote() -> None:
    tensors = read_tf_checkpoint(PREFIX)
    found = {
        name: (str(x.dtype), list(x.shape), hashlib.sha256(x.tobytes()).hexdigest()[:16])
        for name, x in tensors.items()
    }
    assert found == facenet_narrow.contents()
    assert tensors["global_step"] == 275000 and tensors["global_step"].shape == ()
    assert tensors[BETA].flags.writeable


def test_a_checkpoint_has_many_names(tmp_path: Path) -> None:
    prefix = copy(tmp_path / "model", "model-2018.ckpt-275")
    wanted = read_tf_checkpoint(PREFIX)[BETA]
    meta = tmp_path / "model" / "model-2018.meta"
    for path in (prefix, file(prefix, INDEX), file(prefix, DATA), meta, tmp_path / "model"):
        assert is_tf_checkpoint(path)
        assert np.array_equal(read_tf_checkpoint(path)[BETA], wanted), path
    assert np.array_equal(read_tf_checkpoint(str(prefix))[BETA], wanted)
    copy(tmp_path / "model", "model-2018.ckpt-280")
    for path in (meta, tmp_path / "model"):
        with pytest.raises(InputError, match=r"2 checkpoints belong to it: give one, such as"):
            read_tf_checkpoint(path)
    for path in (tmp_path / "none.pth", PREFIX.with_name("contents.json"), tmp_path):
        assert not is_tf_checkpoint(path)


def cut(ending: str, size: int) -> Callable[[Path], object]:
    def damage(prefix: Path) -> None:
        path = file(prefix, ending)
        path.write_bytes(path.read_bytes()[:size])

    return damage


def turn(ending: str, place: int) -> Callable[[Path], object]:
    return lambda prefix: flip(file(prefix, ending), place)


def remove(ending: str) -> Callable[[Path], object]:
    return lambda prefix: file(prefix, ending).unlink()


def take_another_index(prefix: Path) -> None:
    """Two layers of equal shape trade places: lengths fit, contents do not."""
    path = file(prefix, DATA)
    content = path.read_bytes()
    path.write_bytes(content[2000:] + content[:2000])


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (cut(DATA, 100_000), r"ckpt\.data-.* ends at byte \d+, the file at 100000: truncated, or"),
        (cut(DATA, 0), r"the file at 0: truncated"),
        (turn(DATA, 77), r"the checksum of InceptionResnetV1/Block8/.* is wrong: damaged, or of"),
        (take_another_index, r"is wrong: damaged, or of another checkpoint than one\.ckpt\.index"),
        (remove(DATA), r"ckpt\.data-00000-of-00001 does not exist: .*; beside it: one\.ckpt\.ind"),
        (remove(INDEX), r"one\.ckpt\.index does not exist: .*; beside it: one\.ckpt\.data"),
        (cut(INDEX, 10_000), r"ckpt\.index: not the index of a checkpoint: it does not end as on"),
        (cut(INDEX, 0), r"it does not end as one does: truncated"),
        (turn(INDEX, 5_000), r"the checksum of the block at byte 0 is wrong: damaged"),
        (turn(INDEX, -43), r"not the index of a checkpoint: "),
        (turn(INDEX, -1), r"it does not end as one does"),
    ],
)
def test_damage_is_named(damage: Callable[[Path], object], message: str, tmp_path: Path) -> None:
    prefix = copy(tmp_path, "one.ckpt")
    damage(prefix)
    with pytest.raises(InputError, match=message) as found:
        read_tf_checkpoint(prefix)
    assert "\n" not in str(found.value)


def test_no_cut_and_no_bit_goes_unseen(tmp_path: Path, rng: np.random.Generator) -> None:
    index = file(PREFIX, INDEX).read_bytes()
    whole = read_index(index)
    for size in (0, 1, 47, 48, 60, *rng.integers(100, len(index), 20).tolist()):
        with pytest.raises(TableError):
            read_index(index[:size])
    for place in rng.integers(0, len(index) - 60, 40).tolist():
        spoilt = bytearray(index)
        spoilt[place] ^= 1 << int(rng.integers(8))
        try:
            assert read_index(bytes(spoilt)) == whole, place  # where nothing is kept
        except TableError:
            continue


def test_tensors_that_have_to_be_there() -> None:
    assert len(read_tf_checkpoint(PREFIX, wanted=[BETA])) == len(facenet_narrow.contents())
    wanted = [BETA, "a", "b", "c", "d"]
    with pytest.raises(InputError, match=r"narrow\.ckpt-1: missing: a, b, c and 1 more"):
        read_tf_checkpoint(PREFIX, wanted=wanted)


def varint(value: int) -> bytes:
    text = b""
    while value > 127:
        text += bytes([value & 127 | 128])
        value >>= 7
    return text + bytes([value])


def stored_block(content: bytes, kind: int = 0) -> bytes:
    block = content + bytes(4) + (1).to_bytes(4, "little") + bytes([kind])
    return block + masked(google_crc32c.value(block)).to_bytes(4, "little")


def record(key: bytes, value: bytes) -> bytes:
    return varint(0) + varint(len(key)) + varint(len(value)) + key + value


def table(blocks: list[list[tuple[bytes, bytes]]], kind: int = 0) -> bytes:
    """A table of several blocks, which no checkpoint of this size has."""
    text, places = b"", b""
    for number, records in enumerate(blocks):
        block = stored_block(b"".join(record(*pair) for pair in records), kind)
        places += record(b"%d" % number, varint(len(text)) + varint(len(block) - 5))
        text += block
    index = stored_block(places)
    footer = varint(0) + varint(0) + varint(len(text)) + varint(len(index) - 5)
    return text + index + footer.ljust(40, b"\0") + 0xDB4775248B80FB57.to_bytes(8, "little")


HEADER = (b"", b"\x08\x01\x1a\x02\x08\x01")
FLOAT = b"\x08\x01\x12\x04\x12\x02\x08\x02\x28\x08"
"""float32, (2,), 8 bytes from the start on."""


def write(folder: Path, blocks: list[list[tuple[bytes, bytes]]], data: bytes = bytes(8)) -> Path:
    (folder / "x.index").write_bytes(table(blocks))
    (folder / "x.data-00000-of-00001").write_bytes(data)
    return folder / "x"


def crc_field(data: bytes) -> bytes:
    return b"\x35" + masked(google_crc32c.value(data)).to_bytes(4, "little")


def test_an_index_of_several_blocks(tmp_path: Path) -> None:
    data = np.array([1.5, -2], "<f4").tobytes()
    entry = FLOAT + crc_field(data)
    prefix = write(tmp_path, [[HEADER, (b"a", entry)], [(b"b", entry)], [(b"c", entry)]], data)
    found = read_tf_checkpoint(prefix)
    assert {name: x.tolist() for name, x in found.items()} == {key: [1.5, -2.0] for key in "abc"}


def test_bfloat16_and_texts(tmp_path: Path) -> None:
    data = bytes([0xC0, 0x3F, 0x10, 0xC0])  # 1.5, -2.25
    sized = b"\x12\x04\x12\x02\x08\x02\x28\x04" + crc_field(data)
    records = [HEADER, (b"a", b"\x08\x0e" + sized), (b"t", b"\x08\x07" + sized)]
    found = read_tf_checkpoint(write(tmp_path, [records], data))
    assert found["a"].tolist() == [1.5, -2.25] and found["a"].dtype == np.float32
    assert found["t"].tobytes() == data


@pytest.mark.parametrize(
    ("records", "message"),
    [
        ([], "it has no header"),
        ([(b"a", FLOAT)], "it has no header"),
        ([(b"", b"\x08\x01\x10\x01")], "big-endian"),
        ([HEADER, (b"a", FLOAT + b"\x3a\x00"), (b"\0a\0", b"")], "a is kept in parts"),
        ([HEADER, (b"a", b"\x08\x08" + FLOAT[2:])], "a has TensorFlow's type 8: unsupported"),
        ([HEADER, (b"a", FLOAT + b"\x18\x03")], "a is in file 3 of 1: damaged"),
        ([HEADER, (b"a", FLOAT[:-1] + b"\x04" + crc_field(bytes(4)))], r"\(2,\) has 1 values"),
        ([HEADER, (b"\xff", FLOAT)], "an entry is damaged"),
        ([HEADER, (b"a", b"\x0c")], "a field has the unknown kind 4"),
    ],
)
def test_what_is_not_read_is_said(
    records: list[tuple[bytes, bytes]], message: str, tmp_path: Path
) -> None:
    with pytest.raises(InputError, match=message):
        read_tf_checkpoint(write(tmp_path, [records]))


def test_compressed_blocks_are_refused() -> None:
    with pytest.raises(TableError, match="compressed"):
        read_index(table([[HEADER]], kind=1))
