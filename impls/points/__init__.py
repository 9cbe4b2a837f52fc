"""Operations on points in space: features of nodes, sent along edges that have a direction."""
