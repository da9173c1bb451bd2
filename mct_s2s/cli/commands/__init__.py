"""The commands: each is a function, with the dataclass of its options beside it.

`mct_s2s.cli.app` names the module of each.
"""
