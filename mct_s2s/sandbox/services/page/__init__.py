"""The page about a sandbox: its directory, its sites, and the log of requests, live, for people who look on.

It is served by the address of the control routes, under the same rules (see `local_only`), and is no part of Azure.
"""
