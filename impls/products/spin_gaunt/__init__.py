"""Products of spin-weighted functions on the sphere: Gaunt product and its odd paths in one."""
