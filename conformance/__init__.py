"""Compares a real cloud with the sandbox: the same requests to both, and what they answer differently.

    story/                what is asked, in its order: one module a subject, one row a request
    steps                 a row: the request with names in place of ids, what its answer binds, what it makes
    side                  one of the two clouds: its addresses, its tokens, what names stand for there
    walk                  asks the whole story of one side
    journal, cleaning     what a run makes is on disk before it is made, and goes again however the run ends
    texts, skeleton       an answer with everything that identifies a tenant replaced
    judging, report       where the two differ; a report in Markdown, the exchanges as tables
    command               arguments in, exit code out

How to run it, and how to send in a report: docs/conformance.md. Nothing else in the package knows this one.
"""
