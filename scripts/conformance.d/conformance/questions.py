"""What only a real tenant can settle, by a request of the signed-in account:
docs/azure-contract.md, section 9.

Each is one GET, to be sent as a caller with no more than the role in question. Nothing is written.
"""

from dataclasses import dataclass

from mct_s2s.errors import S2SError

from conformance.clouds import Side
from conformance.story import SUBSCRIPTIONS_API, Service, Step
from conformance.walk import walk


@dataclass(frozen=True)
class Question:
    """`caller` is who has to ask, so that the answer says something."""

    text: str
    caller: str
    step: Step


QUESTIONS = (
    Question(
        "Does a role on one App Service let its holder read the subscription?",
        "a caller whose only Azure role is Website Contributor on the App Service",
        Step(
            id="questions/01",
            service=Service.ARM,
            method="GET",
            path="/subscriptions/{subscriptionId}",
            query={"api-version": SUBSCRIPTIONS_API},
            others=True,
        ),
    ),
    Question(
        "May a plain member read the recycle bin?",
        "a member without an Entra role",
        Step(
            id="questions/02",
            service=Service.GRAPH,
            method="GET",
            path="/v1.0/directory/deletedItems/microsoft.graph.application",
            query={"$select": "id"},
            others=True,
        ),
    ),
)


async def answers(cloud: Side) -> list[str]:
    """Ask them; a line for each, with what the cloud returned."""
    lines = list[str]()
    for question in QUESTIONS:
        try:
            (outcome,) = await walk([question.step], cloud)
            status = outcome.answer.status if outcome.answer is not None else 0
            answer = {200: "yes (200)", 403: "no (403)"}.get(
                status, f"not settled ({status or outcome.why_none})"
            )
        except S2SError as error:  # no token for that service
            answer = f"not settled ({error.code})"
        lines += [f"{question.text} {answer}", f"  Counts if you are {question.caller}."]
    return lines
