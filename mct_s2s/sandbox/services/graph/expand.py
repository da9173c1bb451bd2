"""`$expand` of one collection that belongs to a directory object.

Source: graph: concepts/query-parameters ("expand": at most 20 objects of a collection are returned).
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

from mct_s2s.sandbox.entra.directory import Directory
from mct_s2s.sandbox.entra.table import Object
from mct_s2s.sandbox.services.answer import Answer
from mct_s2s.sandbox.services.graph.call import GraphCall

MOST = 20

Collections = Mapping[str, Callable[[Directory, str], list[Object]]]
"""What can be expanded: by name, a function that finds the objects of an object id."""


def expanding(call: GraphCall, known: Collections) -> tuple[GraphCall, Callable[[Answer], Answer]]:
    """Return the call without its `$expand`, and a function that adds the collection to its answer.

    An unknown collection stays in the call, which is then answered 501; so does a `$select` without the id.
    """
    name = call.query.get("$expand", "")
    selected = [one.strip() for one in call.query.get("$select", "id").split(",")]
    if name not in known or "id" not in selected:
        return call, lambda answer: answer

    def expand(answer: Answer) -> Answer:
        body: Any = answer.body
        for one in body.get("value", [body]):
            one[name] = [_shown(each) for each in known[name](call.directory, one["id"])[:MOST]]
        return answer

    options = {option: value for option, value in call.query.items() if option != "$expand"}
    return dataclasses.replace(call, query=options), expand


def _shown(value: Object) -> Object:
    return {name: inner for name, inner in value.items() if not name.startswith("@")}
