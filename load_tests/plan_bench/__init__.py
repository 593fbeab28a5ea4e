"""Plans of public instances against the best known, behind `./anban bench plan`."""
