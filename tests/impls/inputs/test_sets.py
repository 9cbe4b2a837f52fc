"""Sets of data: what is brought is what is known, all of it, and what is not here is refused."""

import hashlib
import io

import numpy as np
import pytest

from impls.inputs import brec, sets
from impls.inputs.graph6 import decode

LINES = np.array(["DQc", "D?{", "Bw", "BW"])


def content(lines):
    stream = io.BytesIO()
    np.save(stream, lines)
    return stream.getvalue()


@pytest.fixture
def some(tmp_path, monkeypatch):
    """Return a set of two files, and the folder that has them."""
    monkeypatch.setenv("EQUIBENCH_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "downloads"
    folder.mkdir()
    files = []
    for name, text in (("one.npy", content(LINES)), ("two.txt", b"two")):
        (folder / name).write_bytes(text)
        files.append(sets.File(name, f"what {name} is", hashlib.sha256(text).hexdigest()))
    return sets.DataSet("some", "a set", "wang2024", "MIT", "a place", tuple(files)), folder


def test_what_is_brought_is_read(some):
    found, folder = some
    assert found.absent() == ("one.npy", "two.txt")
    assert "python -m bench data some --from DIR: a place" in str(found.missing())
    with pytest.raises(ValueError, match="the data some are not here"):
        found.read("two.txt")
    assert [path.name for path in found.bring(folder)] == ["one.npy", "two.txt"]
    assert found.absent() == () and found.missing() is None
    assert found.read("two.txt") == b"two" and len(list(found.folder.iterdir())) == 2
    with pytest.raises(ValueError, match="three"):
        found.read("three.txt")


def test_another_file_is_refused_with_both_hashes_and_nothing_is_brought(some):
    found, folder = some
    (folder / "two.txt").write_bytes(b"three")
    wanted, other = (hashlib.sha256(text).hexdigest() for text in (b"two", b"three"))
    with pytest.raises(ValueError, match=f"two.txt .* SHA-256 is {other}, and {wanted} is wanted"):
        found.bring(folder)
    assert not found.folder.exists()
    (folder / "two.txt").unlink()
    with pytest.raises(ValueError, match=r"two\.txt is not there: what two\.txt is; download"):
        found.bring(folder)


def test_what_is_damaged_later_is_not_here(some):
    found, folder = some
    found.bring(folder)
    (found.folder / "one.npy").write_bytes(b"torn")
    assert found.absent() == ("one.npy",) and found.missing()
    found.bring(folder)
    assert found.missing() is None


def test_the_table_says_of_each_file_what_it_is():
    found = sets.named("brec")
    assert {f.name for f in found.files} == set(brec.FILES.values()) and found.licence == "MIT"
    assert all(len(f.sha256) == 64 and f.what for f in found.files)
    assert "https://" in found.where
    with pytest.raises(ValueError, match=r"'berc'.*brec"):
        sets.named("berc")


def test_pairs_are_lines_two_by_two():
    for lines in (LINES, LINES.astype("S"), LINES.reshape(2, 2)):
        found = brec.read(content(lines))
        assert len(found) == 2
        for (first, second), wanted in zip(found, LINES.reshape(2, 2), strict=True):
            np.testing.assert_array_equal(first, decode(wanted[0]))
            np.testing.assert_array_equal(second, decode(wanted[1]))
    with pytest.raises(ValueError, match="pair 1: 3 and 5 nodes"):
        brec.read(content(np.array(["DQc", "D?{", "Bw", "DQc"])))


def test_where_the_set_is_not_here_no_pair_is(tmp_path, monkeypatch):
    monkeypatch.setenv("EQUIBENCH_CACHE", str(tmp_path))
    with pytest.raises(ValueError, match="python -m bench data brec --from DIR"):
        brec.pairs("basic")
