"""Taskward: a secure multi-user task backend with a Better Auth server in Python."""
