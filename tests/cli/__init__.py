"""The program as a process: exit codes, documents, files, and nothing else left behind."""
