"""Arguments in, one call, exit code out.

The only package that knows typer; it wires the others together.
"""
