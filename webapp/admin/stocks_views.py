"""Stocks: edit, map symbols, merge, mark."""
