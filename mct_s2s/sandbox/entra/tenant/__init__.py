"""The tenant itself: its domains, policies, conditional access, and how it differs from other
tenants.
"""
