"""What elders, subsidies and providers owe: a double-entry ledger, and its monthly settlement."""
