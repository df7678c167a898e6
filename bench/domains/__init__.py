"""One folder per domain: what inputs are functions on, and which groups move them."""
