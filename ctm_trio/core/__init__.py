"""Building blocks of a structured-concurrency program: no word of the domain is in here."""
