"""The tasks: endpoints, schemas, and the statements below them."""
