"""What is understood: pure functions of NumPy callables with their Spaces, and of samples.

Nothing here starts a process, opens a file or imports a framework; only `impls` is imported.
"""
