"""Judgements: findings, the report of many sites, and the tests of clients."""
