"""Operations on one feature that are no products: functions of its values, point by point."""
