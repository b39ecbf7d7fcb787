"""The endpoints, one module for each of Better Auth's."""
