"""Service-to-service authentication for Microsoft Community Training, in one command.

The rooms, each of which knows only those below it (import-linter holds the walls; docs/architecture.md says why):

    cli                                        arguments in, one call, exit code out; wires the rest
    engine                                     the order of events
    stores · render · inputs · sandbox         where credentials are · words · typed input · a local Azure
    azure                                      the SDKs: sign-in, Graph, Resource Manager, Key Vault
    activity                                   what runs, and what it waits for
    planning                                   decisions: (desired, observed) -> plan, findings. Pure
    model                                      nouns
    errors · concurrency · local_files         what a user reads · independent requests at once · files of others

A change is one flow, in `cli.change`: observe, plan, ask, lock, apply, verify.
"""

__version__ = "0.1.0"
