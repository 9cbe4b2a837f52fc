"""SEGNN: messages and updates by perceptrons of steerable maps, with gates between them."""
