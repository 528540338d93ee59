"""Text of users' files is decoded and made fit to print."""

import pytest

from golden.importers.text import decoded, printable


@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "gbk"]
)
def test_text_is_decoded_in_any_usual_encoding(encoding: str) -> None:
    text = "person\r\n汽车\nbus\n"
    assert decoded(text.encode(encoding)) == text


@pytest.mark.parametrize("text", ["Fußgänger\n", "vélo", "año\nniño\n"])
def test_latin_1_is_not_taken_for_chinese(text: str) -> None:
    assert decoded(text.encode("latin-1")) == text


@pytest.mark.parametrize("content", [b"\x00\x01\x02\x03abc", b"\xff\xfea", b"abc\0" * 9])
def test_bytes_that_are_no_text(content: bytes) -> None:
    assert decoded(content) is None


@pytest.mark.parametrize("character", [chr(x) for x in (*range(32), *range(127, 160), 0x202E)])
def test_no_control_character_is_printed(character: str) -> None:
    shown = printable(f"a{character}b")
    assert shown.isprintable() and shown.isascii()
    assert printable(f"a{character}b", keep=character) == f"a{character}b"


@pytest.mark.parametrize("hidden", ["\u2066", "\u200b", "\ufeff", "\u2028", "\ud800", "\U000e0041"])
def test_hidden_characters_are_written_out(hidden: str) -> None:
    assert printable(hidden).isprintable()


@pytest.mark.parametrize("text", ["größe", "汽车", "слон", "a b", "नमस्ते", "कृ\u200dप"])
def test_letters_of_any_script_stay(text: str) -> None:
    assert printable(text) == text
