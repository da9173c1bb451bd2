"""Entra ID's data (`directory`), and rules that take it as their first argument; refusals are
`WireError`s.
"""
