"""What is measured: groups, spaces, problems, operations and their implementations."""
