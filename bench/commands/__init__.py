"""One module a subcommand: its options, its help, and what it calls. Importing is light."""
