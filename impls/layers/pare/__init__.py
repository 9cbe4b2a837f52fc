"""PARE-Conv: vectors, of positions or of nodes, convolved by a bank that positions choose from."""
