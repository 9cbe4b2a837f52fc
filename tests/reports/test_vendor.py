"""What others wrote and the page has inside it: unmodified, permissive, with its licence."""

from __future__ import annotations

import hashlib
import re

import pytest

from reports.data.libraries import SCRIPTS, VENDOR, Library, libraries, script

PERMISSIVE = {"ISC", "MIT", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "Unlicense", "0BSD"}


@pytest.mark.parametrize("library", libraries(), ids=lambda library: library.file)
def test_a_library_is_what_the_manifest_names(library: Library) -> None:
    content = (VENDOR / library.file).read_bytes()
    assert hashlib.sha256(content).hexdigest() == library.sha256
    assert library.version in content.decode()[:200]
    assert set(library.licence.split(" AND ")) <= PERMISSIVE
    assert library.licences and all(len(text) > 300 for text in library.licence_texts)
    assert all("opyright" in text for text in library.licence_texts)


def test_nothing_else_is_there() -> None:
    files = {path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*") if path.is_file()}
    named = {library.file for library in libraries()}
    named |= {f"licences/{name}.txt" for library in libraries() for name in library.licences}
    assert files == named | {"manifest.toml"}


def test_a_changed_library_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    library = Library(**{**vars(libraries()[0]), "sha256": "0" * 64})
    with pytest.raises(ValueError, match="was changed; restore it"):
        _ = library.text


def test_scripts_can_stand_in_a_page() -> None:
    for text in (*(library.text for library in libraries()), script()):
        assert "</script" not in text.lower() and "<!--" not in text
    own = "".join(path.read_text(encoding="utf-8") for path in SCRIPTS.glob("*.js"))
    assert not re.search(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b", own)
    assert max(map(len, own.splitlines())) <= 100
