"""Who is out there: data about upstreams and models, and the few functions that data may name."""
