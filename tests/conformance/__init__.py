"""The same scenarios with the original Better Auth and with ours: every answer must match."""
