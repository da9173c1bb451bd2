"""The only room that imports the SDKs of Azure.

Every foreign exception is turned into one of `mct_s2s.errors`.
"""
