"""Entra ID's state and rules. Knows no HTTP: refusals are `WireError`s, everything else is plain values.

Rooms: `store` holds the objects and is the only place that reads or writes them; `types` and `validation`
know what a body may contain; one module per family of rules; `tokens` and `sign_in` make tokens.
"""
