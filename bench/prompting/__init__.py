"""Prompt tuning on a frozen GSLM."""
