"""`doctor`: check permissions, locks and policies."""

from dataclasses import replace

from mct_s2s import clock
from mct_s2s.cli.binding import option_words
from mct_s2s.cli.commands import DoctorOptions
from mct_s2s.cli.requests import check_role, request_for
from mct_s2s.cli.run import PROBLEMS, CommandRun, run
from mct_s2s.cli.session import Services
from mct_s2s.engine.observe.rights import examine
from mct_s2s.engine.request import Session
from mct_s2s.inputs.target import caller_resource
from mct_s2s.model.desired import ClientSpec, ServiceSpec, Setup
from mct_s2s.planning.permissions.doctor import checks, is_ready
from mct_s2s.planning.secret_policy import longest
from mct_s2s.render.console import Terminal
from mct_s2s.render.doctor import doctor_result, show_checks
from mct_s2s.render.markdown import page


def doctor(options: DoctorOptions) -> int:
    check_role(options.role)
    identities = tuple(dict.fromkeys(caller_resource(text) for text in options.managed_identity))

    async def body(current: CommandRun, session: Session) -> int:
        wanted = Setup(ServiceSpec(display_name="MCT service", role=options.role, adopt=options.service_app))
        request = request_for(options, session, wanted, clock.now(), identities=identities, without_settings=True)
        seen = await examine(session, request)
        client = ClientSpec("NAME", None, consent=not options.no_consent)
        job = replace(wanted, service=request.desired.service, clients=(client,))
        found = checks(seen, job)
        terminal, is_page = current.terminal, options.output == "markdown"
        if terminal.json:
            terminal.document("doctor", doctor_result(seen, found))
        else:
            # With these options, setup does what was checked, no more, and is not refused by what was seen.
            checked = ("service_app", "role", "managed_identity", "no_app_service", "no_consent")
            more = [*option_words(DoctorOptions, {name: getattr(options, name) for name in checked})]
            more += ["--auto-lifetime"] * bool(longest(seen.access.secret_rules or ()))
            shown = Terminal.recording() if is_page else terminal
            show_checks(shown, found, seen.observed.where, more)
            if is_page:
                terminal.verbatim(page(f"Permissions for {request.label}", shown.recorded))
        return 0 if is_ready(found) else PROBLEMS

    arm = not options.no_app_service or bool(identities)
    return run(options, Services(arm=arm, target=not options.no_app_service), body)
