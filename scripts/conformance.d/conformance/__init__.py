"""Compares a real cloud with the sandbox: the same requests to both, and where their answers
differ.

    command       arguments in, exit code out
    story         the requests in their order
    clouds        the two sides: addresses, tokens, values of names
    walk          sends all requests of the story to one side
    cleanup       removes what has the run's name
    redaction     an answer with everything that identifies a tenant replaced
    report        where the two differ; a report in Markdown, the exchanges as tables
    comparison    an answer compared with a recorded one; the sandbox's tests use it, too

A tool of developers, not in the package's wheel: scripts/conformance runs it, docs/conformance.md
says how.
"""
