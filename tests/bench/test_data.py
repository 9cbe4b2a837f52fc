"""`bench data`: what is here, what is brought, and what is refused."""

from __future__ import annotations

import hashlib

import pytest

from impls.inputs import sets


@pytest.fixture
def one(tmp_path, monkeypatch):
    """Return the folder of a set of one file that is the only one known."""
    monkeypatch.setenv("EQUIBENCH_CACHE", str(tmp_path / "cache"))
    file = sets.File("a.txt", "a letter", hashlib.sha256(b"a").hexdigest())
    known = sets.DataSet("letters", "some letters", "", "MIT", "https://a.place", (file,))
    monkeypatch.setattr(sets, "known", lambda: {"letters": known})
    (tmp_path / "a.txt").write_bytes(b"a")
    return tmp_path


def test_what_is_brought_is_here(said, one):
    before = said.rows("data")
    assert [(row["file"], row["here"]) for row in before] == [("", "no"), ("a.txt", "no")]
    assert before[0]["where"] == "https://a.place" and before[1]["what"] == "a letter"
    code, out, _ = said("data", "letters", "--from", one)
    assert code == 0 and f"1 files of letters are in {one / 'cache/data/letters'}" in out
    assert {row["here"] for row in said.rows("data", "letters")} == {"yes"}


def test_what_cannot_be_brought_is_said_in_one_line(said, one):
    (one / "a.txt").write_bytes(b"b")
    for words, wanted in (
        (("letters", "--from", one), "SHA-256 is 3e23e8160039594a33894f6564e1b1348bbd7a0088d42c4a"),
        (("letters", "--from", one / "nowhere"), "a.txt is not there: a letter"),
        (("numbers",), "'numbers'"),
        (("--from", one), "python -m bench data SET --from DIR"),
    ):
        code, out, err = said("data", *words)
        assert (code, out) == (2, "") and wanted in err and len(err.splitlines()) == 1
