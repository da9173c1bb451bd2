"""What happens to a request before and after it is answered: faults, external writes, the log."""
