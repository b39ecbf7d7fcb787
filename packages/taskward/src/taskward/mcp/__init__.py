"""Assistants: the tools on a user's tasks, and `POST /mcp`, which serves them."""

PATH = "/mcp"
