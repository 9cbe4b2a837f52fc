"""The channelwise (uvu) Clebsch–Gordan convolution on a graph."""
