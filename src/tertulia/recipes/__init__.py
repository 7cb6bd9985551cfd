"""Recipes: one training run per file, read from top to bottom."""
