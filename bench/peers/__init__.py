"""Services in Python that do what Taskward's hot path does."""
