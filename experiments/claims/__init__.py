"""One file a claim: truth, model, sizes, time, starts, losses and predicted exponents."""
