"""How the outcome of a check is shown, a module a format."""
