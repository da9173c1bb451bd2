"""docs/settings.md: the table of the document's settings, as the product's table has it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from markdown import table
from mct_s2s.model.site_settings import SETTINGS


def setting_rows() -> Iterator[tuple[str, ...]]:
    """A row for each setting: name, what it holds, what it is for, when it is required, comparison, option."""
    for setting in SETTINGS:
        option = f"`{setting.option}`" if setting.option else "none"
        yield (
            f"`{setting}`",
            setting.holds.value,
            setting.about,
            setting.required.value,
            setting.comparison.value,
            option,
        )


def setting_regions() -> Mapping[str, str]:
    """The generated regions of the page."""
    head = ("setting", "holds", "used for", "required", "compared", "option of `configure-appservice`")
    return {"settings": table(head, setting_rows())}
