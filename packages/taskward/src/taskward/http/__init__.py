"""HTTP: the protocol, the hot path, the edge around the application, errors, the page."""
