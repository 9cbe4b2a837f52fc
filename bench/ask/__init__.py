"""What is asked: options of families, knobs, profiles, and the plan that they make."""
