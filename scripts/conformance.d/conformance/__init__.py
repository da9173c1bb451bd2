"""Compares a real cloud with the sandbox: the same requests to both, and where their answers differ.

    command               arguments in, exit code out
    messages              what a run prints
    walk                  sends all requests of the story to one side
    story/                the requests in their order: one module a subject, one row a request
    steps                 a row: the request with names in place of ids, what its answer binds, what it creates
    side                  one of the two clouds: its addresses, its tokens, the values of names
    journal, cleanup      what a run creates is on disk before it is created, and is removed however the run ends
    texts, skeleton       an answer with everything that identifies a tenant replaced
    verdicts, report      where the two differ; a report in Markdown, the exchanges as tables
    comparing/            an answer compared with a recorded one; the sandbox's tests use it, too

A tool of developers, not in the package's wheel: scripts/conformance runs it, docs/conformance.md says how. Nothing
in `mct_s2s` imports it.
"""
