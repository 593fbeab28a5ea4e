"""Plans of a day for many workers: the format, the solvers and the verifier. Pure: no database."""
