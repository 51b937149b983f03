"""Tasks: their answers, the corpora that hold them, and how answers are scored."""
