"""The figures of the page, a module for each kind."""
