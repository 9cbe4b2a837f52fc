"""The glossary: each term is reached where it stands."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from reports.data import glossary


def test_the_first_place_of_a_term_says_what_it_means() -> None:
    said = glossary.explained("13 of 30 dimensions, each dimension is <b> & not replicated")
    assert said.count("<abbr ") == 2 and "&lt;b&gt; &amp; " in said
    assert said.startswith('13 of 30 <abbr title="dimension of the set')
    assert ">not replicated</abbr>" in said


def test_the_longest_term_counts_and_only_whole_words() -> None:
    assert ">degrees only</abbr>" in glossary.explained("SO(3), degrees only")
    assert "<abbr" not in glossary.explained("batches, a pathway")
    assert ">can&#39;t tell</abbr>" in glossary.explained("can't tell")


def test_a_form_that_two_terms_have_is_refused(tmp_path: Path, monkeypatch: Any) -> None:
    file = tmp_path / "glossary.toml"
    file.write_text(
        '[[term]]\nname = "a"\nmeans = "x"\n[[term]]\nname = "b"\nalso = ["a"]\nmeans = ""'
    )
    monkeypatch.setattr(glossary, "FILE", file)
    with pytest.raises(ValueError, match=r"two terms have the form 'a'"):
        glossary.terms.__wrapped__()


def test_the_page_has_it_and_its_first_screen_reaches_it(page: str) -> None:
    first = page[page.index('id="conclusions"') : page.index('id="operations"')]
    for term in ("dimensions", "not replicated", "baseline", "inversion"):
        assert f">{term}</abbr>" in first, term
    listed = page[page.index('id="glossary"') :]
    assert all(f">{glossary.escape(term.name)}</dt>" in listed for term in glossary.terms())
