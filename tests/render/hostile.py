"""Names as an attacker makes them up, and every screen that could show one."""

import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

from mct_s2s.activity import activity, throttled, waiting, watched_by
from mct_s2s.cli.snippets import notes
from mct_s2s.errors import Instruction, MissingRight, NotThere, S2SError
from mct_s2s.model.caller_rights import Verdict
from mct_s2s.model.client_credentials import Federation
from mct_s2s.model.observed import ClientApplication, ObservedState
from mct_s2s.model.resource_id import SiteTarget
from mct_s2s.model.secret_place import SecretPlace
from mct_s2s.planning.make import make_plan
from mct_s2s.planning.permissions.doctor import DoctorCheck
from mct_s2s.planning.permissions.rights import asked_for
from mct_s2s.planning.plan import Plan
from mct_s2s.planning.reports.findings import Finding, Severity, diagnose
from mct_s2s.planning.reports.status import SiteStatus, StatusReport, UnreadSite
from mct_s2s.planning.reports.verification import (
    CALL,
    CheckSubject,
    Verification,
    VerificationCheck,
)
from mct_s2s.render.closing import show_closing
from mct_s2s.render.console import Terminal
from mct_s2s.render.credentials import credential_lines
from mct_s2s.render.diagnostics import show_error
from mct_s2s.render.doctor import show_checks
from mct_s2s.render.documents import (
    ErrorDocument,
    Part,
    StatusDocument,
    StatusListDocument,
    VerifyDocument,
)
from mct_s2s.render.manual_steps import show_manual_steps
from mct_s2s.render.markdown import page
from mct_s2s.render.outcome import show_done_and_not_done, show_outcomes, show_stopped
from mct_s2s.render.progress import Reporter
from mct_s2s.render.site_plans import show_plan, show_plans
from mct_s2s.render.site_report import ClientResult, SavedCredential, SiteReport
from mct_s2s.render.snippets import ApiCall, CredentialSource, SourceKind, languages_for, snippet
from mct_s2s.render.status import show_findings, show_report, show_unread
from mct_s2s.render.verification import show_verification

from tests.planning.scenarios import (
    NOW,
    SERVICE,
    TENANT,
    client,
    complete,
    credential,
    observed_state,
    settings,
    spec,
    trust,
)
from tests.render.examples import (
    IDENTITY,
    WEBSITE_CONTRIBUTOR,
    consent,
    full_plan,
    healthy,
    planned,
    principal,
    refusal,
    result_of,
    saved,
    with_settings,
)
from tests.support.mct import MCT

STEERING: Mapping[str, str] = {
    "colour": "\x1b[31mred\x1b[0m",
    "clear": "\x1b[2J\x1b[H",
    "title": "\x1b]0;title\x07",
    "link": "\x1b]8;;https://evil.example\x1b\\click\x1b]8;;\x1b\\",
    "clipboard": "\x1b]52;c;ZXZpbA==\x07",
    "c1": "\x9b31m\x85\x90",
    "nul": "a\x00b\x7f",
    "line": "x\nerror: forged",
    "return": "x\r\nDone.",
    "tab": "a\tb\vc\fd",
    "separators": "a\u2028b\u2029c",
    "bidi": "\u202egpj.exe\u202c \u2066x\u2069 \u200f",
    "zero width": "a\u200bb\u200cc\u200dd\ufeffe\u2060",
    "invisible": "a\u3164b\u115f\u034fc\U000e0041",
    "surrogate": "a\ud800b\udcff",
    "pipeline": "##vso[task.setvariable variable=PATH]/evil",
    "old command": "##[add-mask]a",
    "workflow": " ::add-mask::a",
    "blanks": "\u3000::stop-commands::a",
}
"""By what each of them tries."""

MARKUP = (
    "Good[/red]",
    "[bold]x[/bold]",
    "[link=https://evil.example]x[/link]",
    "[/]",
    "a\\[b",
    ":skull:",
)
"""What rich would read as its own."""

WITHIN = timedelta(days=30)


def is_plain(text: str) -> bool:
    """Whether no character of a line steers anything, by Unicode's own categories."""
    return not any(
        unicodedata.category(character) in {"Cc", "Cf", "Cs", "Zl", "Zp"} for character in text
    )


def observed(name: str) -> ObservedState:
    """A state in which every text that others choose is this one."""
    mine = client("Import", credential(10, name), credential(-400, name))
    assert mine.principal is not None
    named = ClientApplication(
        replace(mine.application, display_name=name), replace(mine.principal, display_name=name)
    )
    seen = observed_state(
        trust(named),
        settings(ServiceAuthRole=name, ServiceApplicationIds=f"{name};;{mine.client_id}"),
    )
    assert seen.app_service is not None
    service = replace(SERVICE, display_name=name, identifier_uris=(f"api://{name}",))
    return replace(
        seen,
        tenant=replace(TENANT, name=name),
        app_service=replace(seen.app_service, state=name),
        trust=replace(
            seen.trust, service=service, identities=(replace(IDENTITY, display_name=name),)
        ),
    )


def _told(name: str) -> Instruction:
    return Instruction(name, f"mct-s2s {name}", name, name, {name: name})


def _documents(name: str) -> list[Part]:
    seen = observed(name)
    result = result_of(
        dry_run=True,
        fingerprint="0" * 64,
        changes=planned(full_plan(name)),
        credentials=[saved(name, f"file:{name}")],
        after=seen,
        manual_steps=[_told(name)],
    )
    return [
        StatusDocument.of(SiteStatus(seen, diagnose(seen))),
        result,
        ErrorDocument.of(SiteReport(name, done=[principal(name)]), refusal(name)),
        VerifyDocument.of(_proof(name)),
    ]


def _proof(name: str) -> Verification:
    checks = (
        VerificationCheck(None, CheckSubject.SITE, "running", False, name, name),
        VerificationCheck(name, CheckSubject.APPLICATION, CALL, True, name),
        VerificationCheck(name, CheckSubject.MANAGED_IDENTITY, CALL, None, name, name),
    )
    return Verification(name, name, checks, api=MCT.model_copy(update={"name": name}))


def _plan(name: str) -> Plan:
    full = full_plan(name)
    missing = {
        full.steps[0].key: (MissingRight(name, name, name, name),),
        "consent": (WEBSITE_CONTRIBUTOR,),
    }
    return replace(
        full, notes=(name, Instruction(name, name)), manual_steps=(consent(name),), missing=missing
    )


def _planned(terminal: Terminal, name: str) -> None:
    site = SiteReport(name, _plan(name), (name,))
    show_plan(terminal, site, is_result=True)
    show_manual_steps(terminal.out, [_told(name)])
    recording = Terminal.recording()
    show_plan(recording, site, is_result=True)
    for line in page(name, recording.recorded).splitlines():
        terminal.result(line)
    edits = with_settings(
        healthy(), settings(ServiceAuthRole=name, ServiceApplicationIds=f"{name};{name}2")
    )
    show_plan(terminal, SiteReport(name, make_plan(spec(name), edits)))


def _live(terminal: Terminal, name: str) -> None:
    steps = (principal(name), principal(f"{name}2"), principal(f"{name}3"))
    shown = Reporter(terminal)
    with shown.applying(Plan(steps)) as running:
        for step in steps:
            running.started(step)
        running.finished(steps[0], name)
        running.failed(steps[1])
        running.skipped(steps[2], name)
    with watched_by(shown), activity(f"Reading {name}"), waiting(name):
        throttled(name, 60)
        if shown._live is not None:
            shown._live.refresh()


def _status(terminal: Terminal, name: str) -> None:
    seen = observed(name)
    show_report(terminal, StatusReport(NOW, WITHIN, (SiteStatus(seen, diagnose(seen)),)))


def _listed(terminal: Terminal, name: str) -> None:
    seen = observed(name)
    error = S2SError("x", name, remedy=name, command=name, answer=name)
    assert seen.app_service is not None
    resource = seen.app_service.resource
    status = SiteStatus(seen, diagnose(seen))
    report = StatusReport(
        NOW,
        WITHIN,
        (status,),
        (UnreadSite(SiteTarget.of(resource), error, resource),),
        (resource,),
        is_list=True,
    )
    show_report(terminal, report)
    show_unread(terminal, report.failed, report.unchecked)
    terminal.document(StatusListDocument.of(report))


def _documented(terminal: Terminal, name: str) -> None:
    for document in _documents(name):
        terminal.document(document)


def _credentials(terminal: Terminal, name: str) -> None:
    kept = SavedCredential(name, name, NOW, SecretPlace.parse(f"keyvault:{name}/{name}"))
    shown = replace(kept, saved_to=SecretPlace.parse("show"), secret="s3cret")
    credentials = [saved(name, f"file:/{name}/{name}"), saved(name, f"file:/{name}/2"), kept, shown]
    for line in credential_lines(shown):
        terminal.result(line)
    clients = [
        ClientResult(credential.client, name, credential=credential, can_call=True)
        for credential in credentials
    ]
    for several in (
        clients[:1],
        clients[:2],
        clients,
        [ClientResult(name, name, is_identity=True)],
    ):
        show_closing(terminal, SiteReport(name, verification=_proof(name)), several, "", [name])
    show_closing(terminal, SiteReport(name), [], name, [name], remarks=[Instruction(name, name)])


def _fleet(terminal: Terminal, name: str) -> None:
    failed = NotThere("x", name, remedy=name, command=name, items=[name])
    plans = [
        SiteReport(name, _plan(name), (name,), manual_steps=[_told(name)]),
        SiteReport(f"{name}2", Plan(notes=(name,)), (name,)),
        SiteReport(f"{name}3", error=failed),
    ]
    show_plans(terminal, plans, "0" * 64, is_result=True)
    saved_credential = SavedCredential(name, name, None, SecretPlace.parse(f"file:/{name}"))
    steps = [principal(name)]
    accounts = [
        SiteReport(
            name,
            done=steps,
            credentials=[saved_credential],
            manual_steps=[_told(name)],
            verification=_proof(name),
        ),
        SiteReport(
            name,
            done=steps,
            in_doubt=steps,
            not_done=steps,
            credentials=[saved_credential],
            error=failed,
        ),
    ]
    show_outcomes(terminal, accounts)
    show_stopped(terminal, accounts, _told(name))
    shown = Reporter(terminal)
    with shown.about(name), shown.applying(Plan((principal(name),))) as running:
        running.started(principal(name))
        running.finished(principal(name), name)


def _errors(terminal: Terminal, name: str) -> None:
    show_error(terminal, refusal(name, request_id=name))
    show_error(terminal, S2SError("x", name, remedy=name, command=name, answer=name))
    show_error(terminal, NotThere("x", name, remedy=name, items=[name, name]))
    entities = [principal(name)]
    show_done_and_not_done(
        terminal, SiteReport(name, done=entities, in_doubt=entities, not_done=entities)
    )


def _handed_over(terminal: Terminal, name: str) -> None:
    show_manual_steps(terminal.out, [_told(name)])
    show_manual_steps(terminal.err, asked_for([WEBSITE_CONTRIBUTOR]))


def _doctored(terminal: Terminal, name: str) -> None:
    lack = MissingRight(name, name, name, name)
    steps, found = (Instruction(name, name),), ((), (lack,))
    checks = [
        DoctorCheck("x", verdict, name, name, steps, missing)
        for verdict in Verdict
        for missing in found
    ]
    show_checks(terminal, checks, name, ways_out=(Instruction(name, name),))


def _found(terminal: Terminal, name: str) -> None:
    show_findings(
        terminal, tuple(Finding("x", name, name, name, severity) for severity in Severity)
    )


def _talk(terminal: Terminal, name: str) -> None:
    terminal.say(name)
    terminal.result(name)
    terminal.ask(name)


def _snippets(terminal: Terminal, name: str) -> None:
    # What cannot be shown is refused as a value
    value = "".join(character if character.isprintable() else "?" for character in name)
    federation = Federation(f"https://{value}", f"repo:{value}:environment:{value}", value)
    for kind in SourceKind:
        source = CredentialSource(
            kind, f"/{value}", value, f"https://{value}", value, federation, value
        )
        call = ApiCall(
            name, value, source, name, f"https://{value}", value, value, f"https://{value}",
            ca_file=value, api=MCT
        )  # fmt: skip
        for language in languages_for(source):
            terminal.verbatim(snippet(call, language))
            wrong = [Finding("x", name, name, name, client=client) for client in (value, "")]
            show_manual_steps(terminal.err, notes(call, language, wrong, complete()))


SCREENS: Mapping[str, Callable[[Terminal, str], None]] = {
    "talk": _talk,
    "plan": _planned,
    "several sites": _fleet,
    "progress": _live,
    "status": _status,
    "status list": _listed,
    "findings": _found,
    "doctor": _doctored,
    "verification": lambda terminal, name: show_verification(terminal, _proof(name)),
    "errors": _errors,
    "credentials": _credentials,
    "handover": _handed_over,
    "snippets": _snippets,
    "documents": _documented,
}
"""Everything that the program shows, by what it is."""
