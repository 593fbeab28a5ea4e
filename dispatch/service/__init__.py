"""What happens at the elder's door: the steps of a visit and what proves that it took place."""
