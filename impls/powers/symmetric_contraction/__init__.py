"""The symmetric contraction: every equivariant polynomial of one degree, each with a weight."""
