"""What only a real tenant can settle: docs/azure-contract.md, section 9.

Each is asked as the signed-in account, which should have no more than the role in question.
Nothing is changed: the one write sends back what is there.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from mct_s2s.azure.http import NO_ANSWER
from mct_s2s.errors import S2SError

from conformance.clouds import Side
from conformance.comparison import Answer, at, filled
from conformance.story import SUBSCRIPTIONS_API, Json, Service

COMPUTE_API = "2024-03-01"
REFUSALS = 40
"""Token requests with a wrong secret, at most."""
OPTIONS = {
    "subscriptionId": "--subscription ID",
    "tenantId": "--tenant ID",
    "machine": "--machine ID",
    "scaleSet": "--scale-set ID",
    "clientId": "--client APP_ID",
}
"""What names the values that a question needs."""


@dataclass(frozen=True)
class Question:
    text: str
    remark: str
    """When its answer counts, or what it leaves behind."""
    needs: tuple[str, ...]
    ask: Callable[[Side], Awaitable[str]]


def _said(answer: Answer, *, allowed: str, refused: str) -> str:
    if answer.status == 403:
        return f"{refused} (403)"
    return f"{allowed} ({answer.status})" if answer.status < 300 else _unsettled(answer)


def _unsettled(answer: Answer) -> str:
    return f"not settled (HTTP {answer.status})"


async def _send(side: Side, service: Service, request: str, body: Json = None) -> Answer:
    method, _, url = request.partition(" ")
    path, _, query = url.partition("?")
    asked = dict(part.split("=", 1) for part in query.split("&") if part)
    return await side.send(
        service, method, filled(path, side.bindings), query=asked, body=filled(body, side.bindings)
    )


async def _subscription(side: Side) -> str:
    request = f"GET /subscriptions/{{subscriptionId}}?api-version={SUBSCRIPTIONS_API}"
    return _said(await _send(side, Service.ARM, request), allowed="yes", refused="no")


async def _recycle_bin(side: Side) -> str:
    request = "GET /v1.0/directory/deletedItems/microsoft.graph.application?$select=id"
    return _said(await _send(side, Service.GRAPH, request), allowed="yes", refused="no")


async def _assigned_identities(side: Side) -> str:
    """Send a machine's identities as they are: what a new one of its own would be sent with."""
    machine = f"{{machine}}?api-version={COMPUTE_API}"
    shown = await _send(side, Service.ARM, f"GET {machine}")
    if shown.status != 200:
        return _unsettled(shown)
    assigned = at(shown.body, "/identity/userAssignedIdentities")
    if not isinstance(assigned, dict) or not assigned:
        return "not settled: no user has assigned an identity to the machine"
    same = {"type": at(shown.body, "/identity/type"), "userAssignedIdentities": assigned}
    same["userAssignedIdentities"] = {name: {} for name in assigned}
    patched = await _send(side, Service.ARM, f"PATCH {machine}", {"identity": same})
    return _said(patched, allowed="no", refused="yes")


async def _token_refusals(side: Side) -> str:
    form = {
        "client_id": side.bindings["clientId"],
        "client_secret": "wrong",
        "grant_type": "client_credentials",
        "scope": f"{side.bindings['clientId']}/.default",
    }
    path = f"/{side.bindings['tenantId']}/oauth2/v2.0/token"
    for number in range(1, REFUSALS + 1):
        answer = await side.send(Service.LOGIN, "POST", path, body=form, anonymous=True)
        if answer.status == 429:
            after = {name.lower(): text for name, text in answer.headers.items()}
            return f"at request {number}, Retry-After: {after.get('retry-after', 'none')}"
        if at(answer.body, "/error_codes/0", 0) == 50196:
            return f"at request {number}, as AADSTS50196 (HTTP {answer.status})"
        if answer.status not in {400, 401}:
            return _unsettled(answer)
    return f"at none of {REFUSALS}"


async def _scale_set_machines(side: Side) -> str:
    scale_set = await _send(side, Service.ARM, f"GET {{scaleSet}}?api-version={COMPUTE_API}")
    request = f"GET {{scaleSet}}/virtualMachines?api-version={COMPUTE_API}"
    machines = await _send(side, Service.ARM, request)
    for answer in (scale_set, machines):
        if answer.status != 200:
            return _unsettled(answer)
    if not isinstance(at(scale_set.body, "/identity/principalId"), str):
        return "not settled: first mct-s2s add-client --managed-identity ID"
    rows = at(machines.body, "/value", [])
    having = [row for row in rows if isinstance(at(row, "/identity/principalId"), str)]
    mode = at(scale_set.body, "/properties/upgradePolicy/mode")
    return f"{len(having)} of {len(rows)} have it (upgrade policy: {mode})"


async def _consent(side: Side) -> str:
    names = side.bindings
    request = "GET /v1.0/servicePrincipals(appId='{clientId}')/appRoleAssignments?$select=id"
    assigned = await _send(side, Service.GRAPH, request)
    if assigned.status != 200:
        return _unsettled(assigned)
    if number := len(at(assigned.body, "/value", [])):
        return f"yes, {number} granted"
    page = f"{names['login']}/{names['tenantId']}/adminconsent?client_id={names['clientId']}"
    return f"not granted: open {page}, accept, and ask again"


async def _organization(side: Side) -> str:
    request = "GET /v1.0/organization?$select=id,verifiedDomains"
    return _said(await _send(side, Service.GRAPH, request), allowed="yes", refused="no")


QUESTIONS = (
    Question(
        "Does a role on one App Service let its holder read the subscription?",
        "Counts if your only Azure role is Website Contributor on an App Service.",
        ("subscriptionId",),
        _subscription,
    ),
    Question(
        "May a plain member read the recycle bin?",
        "Counts if you are a member without an Entra role.",
        (),
        _recycle_bin,
    ),
    Question(
        "Is the right to assign asked for identities that a resource has already?",
        "Counts if your only Azure role is Virtual Machine Contributor on the machine.",
        ("machine",),
        _assigned_identities,
    ),
    Question(
        "At which refusal does the token endpoint answer 429, and with what Retry-After?",
        f"Leaves up to {REFUSALS} refused sign-ins in the log of the client.",
        ("clientId", "tenantId"),
        _token_refusals,
    ),
    Question(
        "Does a scale set of manual upgrade give a new identity to its machines?",
        "Counts before az vmss update-instances has run.",
        ("scaleSet",),
        _scale_set_machines,
    ),
    Question(
        "Is consent granted although its page ends in AADSTS500113?",
        "Counts for a client that nothing was granted to before the page was opened.",
        ("clientId", "tenantId"),
        _consent,
    ),
    Question(
        "Does Organization.Read.All let an application read the organization?",
        "Counts if that is your only permission of Microsoft Graph.",
        (),
        _organization,
    ),
)


async def answers(cloud: Side) -> list[str]:
    """Ask them; two lines for each, the first with what the cloud returned."""
    lines = list[str]()
    for question in QUESTIONS:
        lines += [f"{question.text} {await _answer(question, cloud)}", f"  {question.remark}"]
    return lines


async def _answer(question: Question, cloud: Side) -> str:
    missing = [OPTIONS[name] for name in question.needs if name not in cloud.bindings]
    if missing:
        return f"not asked: add {' '.join(missing)}"
    try:
        return await question.ask(cloud)
    except S2SError as error:  # no token for that service
        return f"not settled ({error.code})"
    except NO_ANSWER as error:
        return f"not settled ({type(error).__name__})"
