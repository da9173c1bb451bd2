"""Secrets over time: lifetimes that a tenant allows, rotation, and what it leaves."""
