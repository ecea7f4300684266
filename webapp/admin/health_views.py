"""The first page: how the place is."""
