"""The same conversations with the original Better Auth and with ours: every answer must match."""
