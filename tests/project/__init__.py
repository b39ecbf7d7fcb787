"""The project itself: documents and lists are true."""
