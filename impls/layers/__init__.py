"""Layers of published networks as they are: of graphs, clouds, parts, matches, images.

One folder a system, with its operations: the formula at the top, an oracle of its blocks, and
algorithms made of the parts that other operations are. What several layers have is in one module
beside them: radial functions in `radial`, gates in `gating`, attention in `attention`.
"""
