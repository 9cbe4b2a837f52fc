"""SO3krates: attention by invariants, to features of nodes and to one vector of each degree."""
