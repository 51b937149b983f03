"""Audio of a corpus: decoding it, and keeping what is computed from it."""
