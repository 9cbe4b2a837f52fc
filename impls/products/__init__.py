"""Operations on two features: their tensor products."""
