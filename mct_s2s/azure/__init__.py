"""The only room that imports the SDKs of Azure.

Each port of `mct_s2s.ports` is fulfilled here, and every foreign exception is turned into one of `mct_s2s.errors`.
"""
