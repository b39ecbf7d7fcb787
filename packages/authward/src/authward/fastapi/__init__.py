"""What only FastAPI needs: dependencies for a host's endpoints, and the OpenAPI document."""
