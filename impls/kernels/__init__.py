"""Native kernels: one C source for every trilinear form, and one for convolutions on graphs."""
