"""Lines: continuation, comments, places, and what is no text."""

import os

import pytest

from circuitnn.errors import FileError, NetlistError
from circuitnn.netlist.lexer import MAX_LINE, LogicalLines, Source, fold, read_source, strip_comment


def texts(text):
    return [line.text.split() for line in LogicalLines(Source(text, "t"))]


def test_continuation_comment_and_case():
    text = "R1 A B\n* remark\n\n+ 1K ; end\n  + tc1=1 $ end\nC1 a 0 1u // end\n * remark\n+ IC=0\n"
    assert texts(text) == [["r1", "a", "b", "1k", "tc1=1"], ["c1", "a", "0", "1u", "ic=0"]]


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
def test_line_ends(newline):
    assert texts(newline.join(["a", "b", "+ c"])) == [["a"], ["b", "c"]]


def test_places_in_continuations():
    source = Source("title\nr1 a b\n* c\n+ {foo\n+bar}\n", "deck.cir")
    line = next(LogicalLines(source, 1))
    for word, place in {"r1": (2, 1), "b": (2, 6), "{foo": (4, 3), "bar": (5, 2)}.items():
        found = line.place(line.text.index(word))
        assert (found.file, found.line, found.column) == ("deck.cir", *place)
        assert source.line(found.line - 1)[found.column - 1 :].startswith(word)


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("r1 a b 1k ; x", "r1 a b 1k "),
        ("r1 a b 1k $ x", "r1 a b 1k "),
        ("r1 a b 1k $x", "r1 a b 1k "),
        ("r1 a$b c 1k", "r1 a$b c 1k"),
        ("r1 a b 1k // x", "r1 a b 1k "),
        ('.include "a;b$ //c" ; x', '.include "a;b$ //c" '),
        ("$ x", ""),
        ("; x", ""),
    ],
)
def test_end_of_line_comments(line, kept):
    assert strip_comment(line) == kept


def test_fold_keeps_length():
    assert fold("İA") == "İa"
    assert len(fold("İstanbul")) == len("İstanbul")


def test_lone_continuation():
    with pytest.raises(NetlistError, match="no line to continue"):
        texts("+ a")


@pytest.mark.parametrize("character", ["\0", "\x07", "\x1b", "\x7f"])
def test_control_characters(character):
    with pytest.raises(NetlistError, match="not a text netlist") as caught:
        Source(f"title\nab{character}c", "t")
    assert (caught.value.place.line, caught.value.place.column) == (2, 3)


def test_long_lines():
    assert len(Source("a" * MAX_LINE, "t")) == 1
    with pytest.raises(NetlistError, match="characters"):
        Source("title\n" + "a" * (10 * MAX_LINE), "t")


def test_byte_order_mark():
    assert Source("\ufefftitle", "t").line(0) == "title"


@pytest.mark.parametrize(("data", "words"), [(b"a\0b", "NUL"), (b"\x1b[0m", "control character")])
def test_files_that_are_not_text(tmp_path, data, words):
    path = tmp_path / "a.cir"
    path.write_bytes(data)
    with pytest.raises((FileError, NetlistError), match=words):
        read_source(path, "a.cir")


def test_files_that_are_none(tmp_path):
    with pytest.raises(FileError, match="No such file"):
        read_source(tmp_path / "none", "none")
    with pytest.raises(FileError, match="folder"):
        read_source(tmp_path, "folder")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(FileError, match="regular"):
        read_source(tmp_path / "pipe", "pipe")
