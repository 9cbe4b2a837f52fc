"""The interaction of TensorNet: features as 3 x 3 matrices, multiplied with what they receive."""
