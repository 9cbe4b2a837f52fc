"""The tables of the page, a module each."""
