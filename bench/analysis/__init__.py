"""Tables to tables: what is computed from the results, without drawing or training anything."""
