"""Listening, certificates, start and end, and the folder where a sandbox is saved."""
