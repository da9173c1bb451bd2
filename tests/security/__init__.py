"""What an attacker, or we ourselves, must not be able to do: one module a promise."""
