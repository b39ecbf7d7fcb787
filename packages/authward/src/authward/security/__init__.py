"""What keeps strangers out: cookies, origins, addresses, passwords, tokens, limits."""
