"""The page, and its typed client."""
