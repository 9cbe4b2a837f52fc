"""Products of geometric algebra: of Cl(3,0), with weights and without, and a layer of G(3,0,1)."""
