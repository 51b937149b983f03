"""speechprompt-bench: prompts on a frozen speech unit LM, held against other methods.

The code reads as one story: cli -> runner -> method -> record -> report; docs/architecture.md
tells it. Importing this package is light: no torch, no numpy.
"""

__version__ = "0.1.0"
