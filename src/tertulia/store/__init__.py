"""The store of talks: every turn, kept before it is shown."""
