"""Lists in pages: each provider chooses the size, and `nextLink` is the address of the next page.

Source: ARM: resource-manager api contracts, "Paging"; docs/azure-contract.md, section 4.1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from urllib.parse import urlencode

from mct_s2s.sandbox.core.wire_errors import arm_error
from mct_s2s.sandbox.services.answer import Answer

_TOKEN = "$skiptoken"  # noqa: S105  # the option's name


def page(answer: Answer, address: str, query: Mapping[str, str], size: int) -> Answer:
    """Return the requested page of a list, with the address of the next one.

    Args:
        answer: the whole answer; one without a list is returned as it is.
        address: the list's own, without query.
        query: the request's query.
        size: entries of a page; 0: all.
    """
    body = answer.body
    if not size or not isinstance(body, dict) or not isinstance(body.get("value"), list):
        return answer
    token = query.get(_TOKEN, "0")
    if not token.isdecimal():
        raise arm_error(400, "InvalidSkipToken", f"The skip token '{token}' is invalid.")
    begin = int(token)
    shown = {**body, "value": body["value"][begin : begin + size]}
    if begin + size < len(body["value"]):
        shown["nextLink"] = f"{address}?{urlencode({**query, _TOKEN: str(begin + size)}, safe='$')}"
    return replace(answer, body=shown)
