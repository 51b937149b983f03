"""The leaderboard page: a self-contained folder that asks nothing of a network."""
