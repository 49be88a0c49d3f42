"""Administration: what an actor may change, and how a change is kept and recorded."""
