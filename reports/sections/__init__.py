"""The sections of the page, a file each: what a section says, and the HTML that it says it in.

A file here that declares a SECTION is on the page, in the order of the numbers that they have.
"""

from __future__ import annotations

import importlib
import pkgutil

from reports.story import Section


def sections() -> list[Section]:
    """Return the sections of the page in their order."""
    names = [f"{__name__}.{module.name}" for module in pkgutil.iter_modules(__path__)]
    found = [importlib.import_module(name).SECTION for name in names]
    return sorted(found, key=lambda section: section.order)
