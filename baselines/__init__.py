"""The methods that prompts are held against: controls, and later SUPERB downstream models."""
