"""The interaction of MACE and its product basis: powers of what a convolution collects."""
