"""Statements, and the typed rows that come out of them."""
