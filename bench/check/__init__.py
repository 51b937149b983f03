"""The regression gate: a suite of small runs, held against a baseline that is kept with it."""
