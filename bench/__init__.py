"""How fast Taskward is, beside services that do the same."""
