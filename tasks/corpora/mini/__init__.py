"""The embedded corpus: five small tasks, spoken by a synthesiser from our own sentences."""
