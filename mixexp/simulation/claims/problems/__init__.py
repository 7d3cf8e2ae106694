"""Problems of claims: truths, models and parameter spaces, and how each arm fits them."""
