"""Layers of published networks as they are, from features of nodes to features of nodes.

One folder a system, with its operation `<system>_layer`: the formula at the top, an oracle of its
blocks, and algorithms made of the parts that other operations are. What several layers have is in
one module beside them: radial functions in `radial`.
"""
