"""How plans, progress, results and errors read: for people with rich, for programs as JSON."""
