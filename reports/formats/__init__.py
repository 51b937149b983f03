"""Tables as text and files, a module a format."""
