"""What is said: grammars and word lists of our own, one module a task."""
