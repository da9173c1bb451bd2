"""Ask who calls the MCT API and where each client runs; what suits best is proposed first.

Best is what needs no secret: a managed identity in Azure, a federated credential where the client's platform issues
tokens of its own. Source: learn.microsoft.com/entra/identity-platform/workload-identities-overview.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from mct_s2s.cli.credentials import CredentialType
from mct_s2s.cli.guided.prompts import Check, Offer, Prompts
from mct_s2s.cli.guided.sites import columns
from mct_s2s.errors import S2SError, UsageError
from mct_s2s.inputs.clients import client_names
from mct_s2s.inputs.federation import KUBERNETES, federated_spec, github_subject
from mct_s2s.inputs.secret_to import secret_to
from mct_s2s.inputs.target import caller_resource
from mct_s2s.model.azure_resources import Site

FEDERATED = CredentialType("federated")


class Where(Enum):
    """Where a client runs: what is proposed, and why."""

    AZURE = ("In Azure", "managed identity: nothing to keep secret")
    GITHUB = ("In GitHub Actions", "federated credential: nothing to keep secret")
    KUBERNETES = ("In Kubernetes", "federated credential: nothing to keep secret")
    ELSEWHERE = ("Somewhere else", "client secret, which expires and has to be kept")
    NOWHERE = ("No more clients", "show the plan")

    @property
    def answer(self) -> str:
        """It without the reason."""
        return self.value[0]


@dataclass(frozen=True)
class ClientAnswer:
    """One client."""

    name: str
    """Of a client application; of a managed identity, the app's name or the resource ID."""
    is_identity: bool = False
    credential: Mapping[str, Any] = field(default_factory=dict)
    """The options that say what it signs in with, by the names of their fields; none: a secret in a file."""


class ClientQuestions:
    """The questions about clients.

    Args:
        prompts: asks.
        apps: the web and function apps of the subscription that may be callers.
        check_vault: refuses what is no key vault that secrets can be kept in.
    """

    def __init__(self, prompts: Prompts, apps: Sequence[Site], check_vault: Check) -> None:
        self._prompts = prompts
        self._apps = tuple(apps)
        self._check_vault = check_vault
        self._place: str | None = None
        self._asked_for_place = False

    async def ask(self, answers: list[ClientAnswer]) -> None:
        """Add the clients to a list, each when it is known, so that an interrupted conversation is not lost.

        Raises:
            Interrupted: Ctrl-C.
        """
        while (where := await self._where(answers)) is not Where.NOWHERE:
            answers.append(await self._client(where, answers))

    async def _where(self, answers: Sequence[ClientAnswer]) -> Where:
        last = Where.NOWHERE.answer if answers else "No client now"
        rows = columns([(last if one is Where.NOWHERE else one.answer, one.value[1]) for one in Where])
        entries = [Offer(row, one, one.answer) for row, one in zip(rows, Where, strict=True)]
        if answers:
            return await self._prompts.choose("Another client? Where does it run?", entries, proposed=len(entries) - 1)
        proposed = 0 if self._apps else 1
        return await self._prompts.choose("Where does the client run that calls the API?", entries, proposed=proposed)

    async def _client(self, where: Where, others: Sequence[ClientAnswer]) -> ClientAnswer:
        match where:
            case Where.AZURE:
                return await self._identity(others)
            case Where.GITHUB:
                return await self._github(others)
            case Where.KUBERNETES:
                return await self._kubernetes(others)
            case _:
                name = await self._name("", others)
                return ClientAnswer(name, credential=await self._secret_place())

    async def _identity(self, others: Sequence[ClientAnswer]) -> ClientAnswer:
        taken = {one.name.casefold() for one in others if one.is_identity}
        left = [one for one in self._apps if self._called(one).casefold() not in taken]
        rows = columns([(one.name, one.resource.resource_group, _kind(one)) for one in left]) if left else []
        entries: list[Offer[str | None]] = [
            Offer(row, self._called(one), one.name) for row, one in zip(rows, left, strict=True)
        ]
        entries.append(Offer("Another resource (type its ID)", None))
        chosen = await self._prompts.choose("Resource:", entries)
        return ClientAnswer(chosen or await self._prompts.text("Resource ID:", check=_resource), is_identity=True)

    async def _github(self, others: Sequence[ClientAnswer]) -> ClientAnswer:
        repository = await self._prompts.text(
            "Repository:", check=github_subject, hint="OWNER/REPO for the branch main, or OWNER/REPO:branch"
        )
        name = await self._name(repository.partition("/")[2].partition(":")[0], others)
        return ClientAnswer(name, credential={"credential": FEDERATED, "github": repository})

    async def _kubernetes(self, others: Sequence[ClientAnswer]) -> ClientAnswer:
        issuer = await self._prompts.text(
            "Issuer URL of the cluster:", check=_issuer, hint="https://HOST/PATH, as in its tokens"
        )
        account = await self._prompts.text("Service account:", check=_service_account, hint="NAMESPACE:NAME")
        name = await self._name(account.partition(":")[2], others)
        federation = {"federated_issuer": issuer, "federated_subject": f"{KUBERNETES}{account}"}
        return ClientAnswer(name, credential={"credential": FEDERATED, **federation})

    async def _name(self, proposed: str, others: Sequence[ClientAnswer]) -> str:
        taken = {one.name.casefold() for one in others}

        def check(name: str) -> None:
            client_names([name])
            if name.casefold() in taken:
                raise UsageError("client-name-unusable", f"'{name}' is named already.", remedy="Choose another name.")

        return await self._prompts.text("Name of the client:", proposed=proposed, check=check)

    async def _secret_place(self) -> dict[str, str]:
        """Asked once: all secrets of a run are kept in the same kind of place."""
        if not self._asked_for_place:
            self._asked_for_place = True
            entries = [
                Offer("In a file that only you can read", "file"),
                Offer("In a key vault", "keyvault"),
                Offer("Nowhere: show it once", "show"),
            ]
            kind = await self._prompts.choose("Where should its secret be kept?", entries)
            if kind == "keyvault":
                vault = await self._prompts.text("Name of the key vault:", check=self._check_place)
                self._place = f"keyvault:{vault}"
            elif kind == "show":
                self._place = "show"
        return {"secret_to": self._place} if self._place else {}

    def _check_place(self, vault: str) -> None:
        place = secret_to(f"keyvault:{vault}", 2).vault  # of several clients: one secret's name would not do
        assert place is not None  # noqa: S101  # the text says so
        self._check_vault(place.vault)

    def _called(self, site: Site) -> str:
        """Its name, where no other app of the subscription has it."""
        namesakes = [one for one in self._apps if one.name.casefold() == site.name.casefold()]
        return site.name if len(namesakes) == 1 else str(site.resource)


def _kind(site: Site) -> str:
    return "function app" if site.is_function_app else "web app"


def _resource(text: str) -> None:
    if isinstance(caller_resource(text), str):
        raise UsageError(
            "malformed-resource",
            "Type the whole resource ID, from /subscriptions/ on.",
            remedy="Copy it from the portal.",
        )


def _issuer(text: str) -> None:
    federated_spec(text, "any", None, None)


def _service_account(text: str) -> None:
    try:
        federated_spec("https://any", f"{KUBERNETES}{text}", None, None)
    except S2SError as error:
        raise UsageError(error.code, "Type NAMESPACE:NAME, both in lower case.", remedy=error.advice) from error
