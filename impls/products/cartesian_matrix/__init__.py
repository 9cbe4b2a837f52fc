"""The product of features written as 3 x 3 matrices."""
