"""Completion of the command line, for bash, zsh, fish and PowerShell.

A shell's script (`scripts/`) calls the program itself with `_MCT_S2S_COMPLETE` set to the name of the shell, and gets
lines: a word to insert, a tab, and its explanation; or a tab and `files`. It answers within 200 ms, so nothing but
the options is imported, no option is parsed, and no one signs in; names come from `known_names`. Typer's own completion
parses the words, which imports what checks their values, and its scripts insert a name as it is: `$(x)` would run.
"""
