"""What was found: the ledger of the papers' claims, and the gallery of recorded runs."""
