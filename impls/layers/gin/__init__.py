"""GIN: invariants of nodes summed over neighbours, alone or averaged over orders of the nodes."""
