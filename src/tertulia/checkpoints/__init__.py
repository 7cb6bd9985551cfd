"""Checkpoints: finding, checking and converting weights."""
