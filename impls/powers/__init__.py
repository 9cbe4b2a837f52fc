"""Operations on one feature: products of it with itself."""
