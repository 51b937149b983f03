"""Figures from records: `panel` says what is drawn, a module a kind says from which runs."""
