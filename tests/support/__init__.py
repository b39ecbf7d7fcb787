"""What tests share: users, databases, servers."""
