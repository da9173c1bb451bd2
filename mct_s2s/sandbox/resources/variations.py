"""In what subscriptions may differ from most."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mct_s2s.sandbox.core.options import Tunable, choice, switch, whole


@dataclass
class ResourceVariations(Tunable):
    """In what a subscription may differ from most. Sources: sections of docs/azure-contract.md, in parentheses.

    Attributes:
        arm_page_size: entries on one page of a list; 0: all of them (4.1).
        identity_patch: what becomes of a PATCH of `identity`, App Service apart: `accepted`, `ignored` (accepted
            without effect) or `refused` (405) (4.4).
        strict_setting_names: names of application settings hold letters, digits, `.` and `_` only, existing ones
            too (4.3).
    """

    arm_page_size: int = 0
    identity_patch: str = "accepted"
    strict_setting_names: bool = False

    OPTIONS: ClassVar = {
        "arm_page_size": whole(0, 1_000_000),
        "identity_patch": choice("accepted", "ignored", "refused"),
        "strict_setting_names": switch,
    }
