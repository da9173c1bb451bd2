"""Service-to-service authentication for Microsoft Community Training, in one command.

The rooms, each of which knows only those below it (import-linter holds the walls):

    conformance                                         a real cloud beside the sandbox: scripts/conformance alone
    cli                                                 arguments in, one call, exit code out; wires the rest
    flows · adapters · render · inputs · sandbox        order · Azure's SDKs · words · typed input · a local Azure
    ports                                               what the flows ask of the world outside
    planning                                            decisions: (desired, observed) -> plan, findings. Pure
    model                                               nouns
    errors · together                                   what a user is told · independent requests at once

A run: `cli` → `flows.observe` → `planning.make` → `render.plan` → the question → `flows.apply` → the result.
"""

__version__ = "0.1.0"
