"""The API of tasks and what front ends see of it."""
