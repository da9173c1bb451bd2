"""Arguments in, one call, exit code out. The only room that knows typer, and the one that wires the others together."""
