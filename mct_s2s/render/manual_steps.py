"""Steps that someone else has to do."""

from collections.abc import Collection, Iterable, Mapping
from pathlib import Path

from rich.text import Text

from mct_s2s.errors import Instruction
from mct_s2s.model.commands import option, own_command, webapp_command
from mct_s2s.model.ids import ClientId
from mct_s2s.model.observed import ObservedState
from mct_s2s.model.resource_id import ResourceId
from mct_s2s.model.site_settings import AllowList, Holds
from mct_s2s.planning.changes import AssignAppRole, Outputs, RestartSite, SettingsSpec
from mct_s2s.planning.plan import ManualStep, Plan
from mct_s2s.planning.site import merge, pending
from mct_s2s.render.columns import Columns
from mct_s2s.render.console import LineConsole


def describe_manual_step(step: ManualStep) -> str:
    sentence = f"Someone else must {step.right.step_on(step.name)}."
    if isinstance(step, AssignAppRole) and step.asks_for_more:
        sentence += (
            " It requests other API permissions, too, so no link is printed that would grant them: "
            "review them first."
        )
    return sentence


def instructions(
    plan: Plan, observed: ObservedState, outputs: Outputs, handoff: Path | None = None
) -> list[Instruction]:
    """Make each manual step of a plan an instruction, with its command or link.

    Link: learn.microsoft.com/entra/identity/enterprise-apps/grant-admin-consent, Construct the URL.
    """
    steps = []
    for step in plan.manual_steps:
        rights = " and ".join(
            dict.fromkeys(missing.right for missing in plan.missing.get(step.key, ()))
        )
        who = f"someone with {rights}" if rights else ""
        command = ""
        link = None
        values = None
        lists: tuple[str, ...] = ()
        what = describe_manual_step(step)
        match step:
            case AssignAppRole(identity_resource=ResourceId() as resource):
                command = observed.command("add-client", "--managed-identity", str(resource))
            case AssignAppRole(asks_for_more=True):
                who = who or "a Cloud Application Administrator"
            case AssignAppRole():
                client_id = outputs.known(step.client_id) if step.client_id else None
                command = _consenting(step, client_id, observed, outputs)
                if client_id is not None and observed.tenant is not None:
                    link = (
                        f"{observed.login}/{observed.tenant.id}/adminconsent?client_id={client_id}"
                    )
                who = who or "a Cloud Application Administrator"
            case RestartSite():
                command = webapp_command("restart", step.site)
            case _:
                merged = merge(observed.settings, step.spec, outputs)
                values = observed.api.legible(observed.masked(merged, step.spec.written(outputs)))
                lists = tuple(row.name for row in step.spec.rows if row.holds.is_list)
                command = _configure(step.spec, values, outputs, observed.where, handoff)
                if handoff is not None:
                    what = f"{what.removesuffix('.')}: send them '{handoff}'."
        steps.append(Instruction(what, command, who, link, values, lists))
    return steps


def _consenting(
    step: AssignAppRole, client_id: ClientId | None, observed: ObservedState, outputs: Outputs
) -> str:
    """The command of someone who may grant consent, and need not read the App Service."""
    service_app = outputs.known(step.service_app) if step.service_app else None
    if client_id is None or service_app is None:  # not made yet: a name is all that there is
        return observed.command("add-client", "--credential", "none", about=client_id or step.name)
    words = ["--no-app-service", "--service-app", service_app]
    if step.role_value not in {"", observed.api.role}:
        words += ["--role", step.role_value]
    return observed.command("setup", *words, "--client", client_id, "--credential", "none")


def _configure(
    spec: SettingsSpec, values: dict[str, str], outputs: Outputs, where: str, handoff: Path | None
) -> str:
    configure = f"{own_command('configure-appservice')} {where or '-a APP_SERVICE'}"
    if handoff is not None:
        return f"{configure} {option('--from', str(handoff))}"
    if any(row.holds is Holds.SWITCH and values.get(row.name) == "false" for row in spec.rows):
        return f"{configure} --disable"
    if pending(spec, outputs):
        return configure  # not made yet: typed later, it reads the values from the directory
    words = [
        option(setting.word.option, each)
        for setting in spec.rows
        if setting.name in values and setting.word.option is not None
        for each in (
            AllowList(values[setting.name]).ids
            if setting.holds.is_list
            else (values[setting.name],)
        )
    ]
    return " ".join([configure, *words])


def show_manual_steps(console: LineConsole, steps: Iterable[Instruction]) -> None:
    for step in steps:
        console.prose(step.sentence, "warn")
        if step.command:
            console.print(Text.assemble("    ", (step.command, "command")))
        if step.values:
            _show_values(console, step.values, step.lists)
        if step.link is not None:
            console.print(Text.assemble("    or open ", (step.link, "command")))
            # The registrations have no reply address: the page errs after "Accept", when the grant
            # has been sent.
            console.prose(
                "It ends in an error page, AADSTS500113: whether it worked, mct-s2s status shows.",
                "quiet",
            )


def _show_values(console: LineConsole, values: Mapping[str, str], lists: Collection[str]) -> None:
    console.print(Text("    Or in the portal, under Environment variables, App settings:"))
    table = Columns()
    for name, value in values.items():
        if name not in lists:
            table.add(Text(f"    {name}"), Text(value))
    console.print(table)
    # The list may have other clients that these values know nothing of, and a value that is typed
    # in the portal replaces the one that is there.
    for name, value in values.items():
        if name in lists:
            console.prose(f"    Add to {name}, keep the IDs that it has, with ; between two:")
            console.print(Text.assemble("      ", (value, "command")))
