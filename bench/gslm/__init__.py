"""A frozen generative spoken language model: its shape, its weights, its folder."""
